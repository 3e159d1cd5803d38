import { describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage, ViciFormatError, type ViciSection } from './message.js'

/** The example of strongSwan's documentation, as it is printed there. */
const DOCUMENTED = Buffer.from(
  '\x03\x04key1\x00\x06value1' +
    '\x01\x08section1' +
    '\x01\x0bsub-section' +
    '\x03\x04key2\x00\x06value2' +
    '\x02' +
    '\x04\x05list1' +
    '\x05\x00\x05item1' +
    '\x05\x00\x05item2' +
    '\x06' +
    '\x02',
  'latin1',
)
const MEANING = {
  key1: 'value1',
  section1: { 'sub-section': { key2: 'value2' }, list1: ['item1', 'item2'] },
}

describe('the documented example', () => {
  it('is encoded', () =>
    expect(encodeMessage(MEANING).toString('latin1')).toBe(DOCUMENTED.toString('latin1')))
  it('is decoded', () => expect(plain(decodeMessage(DOCUMENTED))).toEqual(MEANING))
})

describe('messages', () => {
  it.each<ViciSection>([
    {},
    { empty: '', list: [], section: {} },
    { '': 'a name may be empty' },
    { __proto__x: 'a', constructor: 'b', 'naïve/ü': 'ö', long: 'x'.repeat(65_535) },
    { many: Array.from({ length: 500 }, (_, i) => `${i}`) },
  ])('%# come back as they were', (message) => {
    expect(plain(decodeMessage(encodeMessage(message)))).toEqual(message)
  })

  it('leave out what is undefined', () => {
    expect(encodeMessage({ a: undefined, b: '1' })).toEqual(encodeMessage({ b: '1' }))
  })

  it.each([
    ['an unknown element', '07'],
    ['an element of type 0', '00'],
    ['a name that is cut off', '03056162'],
    ['a value without a length', '030161'],
    ['a value that is cut off', '0301610005aa'],
    ['a section that is not ended', '010161'],
    ['a section that was not begun', '02'],
    ['a list that is not ended', '040161'],
    ['a list in a list', '040161040162'],
    ['a value in a list', '04016103016200016306'],
    ['an item outside a list', '05000161'],
    ['the end of a list outside one', '06'],
    ['a section that a list ends', '01016106'],
    ['a name twice', '0301610001780301610001 79'.replace(' ', '')],
    ['sections too deep', '0100'.repeat(20)],
  ])('are refused with %s', (_what, hex) => {
    expect(() => decodeMessage(Buffer.from(hex, 'hex'))).toThrow(ViciFormatError)
  })

  it('quote no value in errors', () => {
    const secret = 'sEcReT'.repeat(20)
    const bytes = encodeMessage({ data: secret })
    expect(() => decodeMessage(bytes.subarray(0, -1))).toThrow(/malformed at byte/)
    for (const attempt of [
      () => decodeMessage(bytes.subarray(0, -1)),
      () => encodeMessage({ data: secret.repeat(1000) }),
    ]) {
      let said = ''
      try {
        attempt()
      } catch (error) {
        said = String(error)
      }
      expect(said).toMatch(/Error/)
      expect(said).not.toContain('sEcReT')
    }
  })

  it('of any bytes are decoded or refused, and nothing else', () => {
    let seed = 12_345
    const next = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed
    }
    const valid = encodeMessage(MEANING)
    for (let round = 0; round < 3000; round += 1) {
      const bytes = Buffer.from(valid)
      for (let edits = 0; edits < 3; edits += 1) bytes[next() % bytes.length] = next() % 256
      try {
        decodeMessage(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(ViciFormatError)
      }
    }
  })
})

/** Decoded sections have no prototype. */
const plain = (section: ViciSection): unknown => JSON.parse(JSON.stringify(section))
