import { describe, expect, it } from 'vitest'
import { membersOf, parseJson, RECORD_LIMITS } from './json.js'

const parse = (text: string) => parseJson(text, RECORD_LIMITS)
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('foreign JSON', () => {
  it.each([
    '7',
    'null',
    '"x"',
    '[]',
    '{}',
    ' { "a" : [ 1 , { "b" : null } ] , "c" : "\\u0041\\"\\\\" } ',
    '{"a":"b\\":c","d":{"e":-1.5e3}}',
    '{"__proto__":1,"constructor":{"x":2}}',
    '{"a b":["}",":","{\\"x\\":1}"]}',
  ])('%s is read as JSON.parse reads it', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  it.each<[text: string, members: unknown[]]>([
    [
      '{"a":1,"b":2}',
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
    [
      '{"a":1,"a":2}',
      [
        ['a', 1],
        ['a', 2],
      ],
    ],
    [
      '{"a":26,"a":null}',
      [
        ['a', 26],
        ['a', null],
      ],
    ],
    [
      '{"N":"a","n":"b","N":"c"}',
      [
        ['N', 'a'],
        ['n', 'b'],
        ['N', 'c'],
      ],
    ],
    [
      '{"a" :1,"a"\n:2}',
      [
        ['a', 1],
        ['a', 2],
      ],
    ],
    [
      '{"\\u0061":1,"a":2}',
      [
        ['a', 1],
        ['a', 2],
      ],
    ],
    [
      '{"a":"x\\":1","a":2,"a":[{}]}',
      [
        ['a', 'x":1'],
        ['a', 2],
        ['a', [{}]],
      ],
    ],
  ])('the members of %s, in order', (text, members) => {
    expect(membersOf(Object(parse(text)))).toEqual(members)
  })

  it('keeps the members of objects inside objects', () => {
    const value = Object(parse('{"Backend":{"VNI":7,"VNI":null}}'))
    expect(membersOf(value.Backend)).toEqual([
      ['VNI', 7],
      ['VNI', null],
    ])
  })

  it('shows an object with a repeated key as JSON.parse does: the last value alone', () => {
    expect(parse('{"a":1,"b":2,"a":3}')).toEqual({ a: 3, b: 2 })
    expect(JSON.stringify(parse('{"a":1,"b":2,"a":3}'))).toBe('{"a":3,"b":2}')
  })
})

describe('what is refused', () => {
  it.each<[what: string, text: string, says: string]>([
    ['no JSON', '{"a":', 'it is not JSON: '],
    ['too long', `"${'x'.repeat(65_536)}"`, 'it is longer than 65536 characters'],
    ['too deep', nested(33), 'it is nested too deep'],
    ['far too deep', nested(20_000), 'it is nested too deep'],
    ['a number that is none', '{"a":[1e999]}', 'it holds a number that is too large'],
    ['such a number under a repeated key', '{"a":-1e999,"a":1}', 'it holds a number that is too large'],
    ['an escape sequence', '\u009b31m', "Unexpected token '\\u009b'"],
    ['too deep in a value that a repeated key replaces', `{"a":${nested(20_000)},"a":1}`, 'nested too deep'],
    [
      'too many keys',
      `{${Array.from({ length: 1001 }, (_, n) => `"${n}":1`)}}`,
      'it has more than 1000 keys',
    ],
    [
      'too many keys that are the same',
      `{${Array.from({ length: 1001 }, () => '"a":1')}}`,
      'more than 1000 keys',
    ],
  ])('%s', (_what, text, says) => {
    expect(() => parse(text)).toThrow(SyntaxError)
    expect(() => parse(text)).toThrow(says)
  })

  it.each(['{"PSK": s3cret}', '{"PSK": "s3cret" x}'])('%s, without quoting from it', (text) => {
    try {
      expect.unreachable(String(parse(text)))
    } catch (error) {
      expect(String(error)).toMatch(/^SyntaxError: it is not JSON: ./)
      expect(`${error} ${Reflect.get(Object(error), 'cause')}`).not.toContain('s3cret')
    }
  })

  it('leaves what is just within the limits', () => {
    expect(parse(nested(32))).toEqual(JSON.parse(nested(32)))
    expect(parse(`"${'x'.repeat(65_534)}"`)).toHaveLength(65_534)
  })
})
