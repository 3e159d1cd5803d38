import { describe, expect, it } from 'vitest'
import { parseJson, RECORD_LIMITS } from './json.js'
import {
  booleanField,
  integerField,
  invalidField,
  isJsonObject,
  objectField,
  readFields,
  textField,
  unknownKeyWarnings,
} from './json-fields.js'

const table = {
  VNI: integerField(0, 16777215, 1),
  Port: integerField(1, 65535, undefined),
  GBP: booleanField(false),
  DirectRouting: booleanField(undefined),
  Name: textField(),
  Backend: objectField(),
}
const read = (source: Readonly<Record<string, unknown>>) => readFields(table, source, 'the settings')
const fallbacks = {
  VNI: 1,
  Port: undefined,
  GBP: false,
  DirectRouting: undefined,
  Name: undefined,
  Backend: undefined,
}

describe('reading fields as Go does', () => {
  it.each<[what: string, source: Record<string, unknown>, values: object]>([
    ['nothing', {}, {}],
    ['a key as it is spelled', { VNI: 7 }, { VNI: 7 }],
    ['a key in lower case', { vni: 7 }, { VNI: 7 }],
    ['a key in mixed case', { vNi: 7, directRouting: true }, { VNI: 7, DirectRouting: true }],
    ['a key in several spellings: the last counts', { VNI: 7, vni: 8 }, { VNI: 8 }],
    ['the same in the other order', { vni: 8, VNI: 7 }, { VNI: 7 }],
    ['null, which says nothing', { VNI: null, Port: null, Name: null }, {}],
    ['null after a value, which takes nothing back', { VNI: 7, vni: null }, { VNI: 7 }],
    ['the bounds', { VNI: 16777215, Port: 1 }, { VNI: 16777215, Port: 1 }],
    [
      'false, zero and empty text, which say something',
      { GBP: false, VNI: 0, Name: '' },
      { GBP: false, VNI: 0, Name: '' },
    ],
    ['an object', { Backend: { Type: 'vxlan' } }, { Backend: { Type: 'vxlan' } }],
    [
      'several objects: the last counts, whatever the others are',
      { backend: 'x', Backend: {} },
      { Backend: {} },
    ],
  ])('%s', (_what, source, values) => {
    expect(read(source)).toEqual({ values: { ...fallbacks, ...values }, unknownKeys: [] })
  })

  it.each<[text: string, values: object]>([
    ['{"VNI":7,"VNI":null}', { VNI: 7 }],
    ['{"Name":"a","name":"b","Name":"c"}', { Name: 'c' }],
    ['{"Backend":{"a":1},"Backend":{"b":2}}', { Backend: { b: 2 } }],
    ['{"Backend":null,"Backend":{"b":2}}', { Backend: { b: 2 } }],
  ])('%s, in which a key is repeated', (text, values) => {
    expect(read(Object(parseJson(text, RECORD_LIMITS))).values).toEqual({ ...fallbacks, ...values })
  })

  it('returns the keys that it does not know, as they are spelled', () => {
    const source = JSON.parse('{"Vnid": 1, "VNI": 2, "__proto__": 3, "constructor": 4, "": 5}')
    expect(read(source)).toMatchObject({
      values: { VNI: 2 },
      unknownKeys: ['Vnid', '__proto__', 'constructor', ''],
    })
  })

  it.each<[source: Record<string, unknown>, says: string]>([
    [{ VNI: -1 }, 'in the settings, VNI is -1, but must be a whole number from 0 to 16777215'],
    [{ VNI: 16777216 }, 'VNI is 16777216, but must be a whole number from 0 to 16777215'],
    [{ vni: 1.5 }, 'vni is 1.5, but must be a whole number'],
    [{ VNI: '1' }, 'VNI is "1", but must be a whole number'],
    [{ VNI: Number.NaN }, 'VNI is null, but must be a whole number'],
    [{ Port: 0 }, 'Port is 0, but must be a whole number from 1 to 65535'],
    [{ Port: true }, 'Port is true, but must be a whole number'],
    [{ GBP: 'true' }, 'GBP is "true", but must be true or false'],
    [{ GBP: 1 }, 'GBP is 1, but must be true or false'],
    [{ Name: 5 }, 'Name is 5, but must be text'],
    [{ Backend: 'vxlan' }, 'Backend is text, but must be an object'],
    [{ Backend: ['vxlan'] }, 'Backend is a list, but must be an object'],
    [{ Backend: null }, 'Backend is null, but must be an object'],
  ])('refuses %o', (source, says) => {
    expect(() => read(source)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(() => read(source)).toThrow(says)
  })

  it('fails with another code if another is asked for', () => {
    const answer = () => readFields(table, { VNI: -1 }, 'a lease', 'INVALID_LEASE')
    expect(answer).toThrow(expect.objectContaining({ code: 'INVALID_LEASE' }))
    expect(answer).toThrow('in a lease, VNI is -1')
  })

  it('changes nothing of what it is given', () => {
    const source = Object.freeze({ VNI: 7, Backend: Object.freeze({ Type: 'vxlan' }) })
    expect(read(source).values.Backend).toBe(source.Backend)
  })
})

it('says of a key that is missing what it must be', () => {
  expect(invalidField('Network', undefined, 'is required', 'the network config').message).toBe(
    'in the network config, Network is required',
  )
})

it('warns of each key that means nothing, and says which do', () => {
  expect(unknownKeyWarnings(['Vnid', 'x'], { VNI: table.VNI, Port: table.Port }, 'the settings')).toEqual([
    'in the settings, the key Vnid means nothing; known keys: VNI, Port',
    'in the settings, the key x means nothing; known keys: VNI, Port',
  ])
  expect(unknownKeyWarnings([], table, 'the settings')).toEqual([])
  expect(unknownKeyWarnings(['x'], {}, 'the settings')).toEqual([
    'in the settings, the key x means nothing; known keys: none',
  ])
})

it.each<[unknown, boolean]>([
  [{}, true],
  [null, false],
  [[], false],
  ['{}', false],
  [undefined, false],
])('%o is a JSON object: %s', (value, is) => {
  expect(isJsonObject(value)).toBe(is)
})
