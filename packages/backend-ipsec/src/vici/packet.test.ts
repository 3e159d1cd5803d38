import { describe, expect, it } from 'vitest'
import { ViciFormatError } from './message.js'
import { encodePacket, PACKET, PacketSplitter } from './packet.js'

describe('packets', () => {
  // A length of four bytes, the type, the name and its length: strongSwan's vici/README.md, "Transport protocol".
  it('are as the protocol has them', () => {
    expect(encodePacket(PACKET.request, 'version').toString('latin1')).toBe('\0\0\0\x09\0\x07version')
    expect(encodePacket(PACKET.registerEvent, 'list-conn').toString('latin1')).toBe(
      '\0\0\0\x0b\x03\x09list-conn',
    )
  })

  it('come in pieces, and several at once', () => {
    const stream = Buffer.concat([
      encodePacket(PACKET.confirmEvent),
      encodePacket(PACKET.event, 'list-sa', { a: { version: '2' } }),
      encodePacket(PACKET.response, '', { success: 'yes' }),
    ])
    const whole = new PacketSplitter().push(stream)
    const splitter = new PacketSplitter()
    const bytewise = [...stream].flatMap((byte) => splitter.push(Buffer.of(byte)))
    expect(bytewise).toEqual(whole)
    expect(whole.map(({ type, name }) => [type, name])).toEqual([
      [PACKET.confirmEvent, ''],
      [PACKET.event, 'list-sa'],
      [PACKET.response, ''],
    ])
    expect(whole[1]?.message.a).toMatchObject({ version: '2' })
  })

  it.each([
    ['of no type', '0000000108'],
    ['without a byte', '00000000'],
    ['larger than any', '00080001'],
    ['cut off in its name', '00000003070461'],
  ])('%s are refused', (_what, hex) => {
    expect(() => new PacketSplitter().push(Buffer.from(hex, 'hex'))).toThrow(ViciFormatError)
  })

  it('larger than charon takes are not made', () => {
    const list = Array.from({ length: 9 }, () => 'x'.repeat(65_000))
    expect(() => encodePacket(PACKET.request, 'load-conn', { list })).toThrow(TypeError)
  })
})
