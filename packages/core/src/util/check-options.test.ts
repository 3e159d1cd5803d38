import { describe, expect, it } from 'vitest'
import {
  callback,
  checkOptions,
  clockShape,
  either,
  flag,
  listOf,
  number,
  oneOf,
  record,
  required,
  type Shapes,
  text,
} from './check-options.js'
import { nearest } from './nearest.js'

interface Options {
  readonly servers: readonly string[]
  readonly interface?: string | object
  readonly termMs?: number
  readonly onWaiting?: () => void
  readonly list?: 'cached' | 'quorum'
  readonly learning?: boolean
  readonly clock?: object
}

const shapes: Shapes<Options> = {
  servers: required(listOf(text, '["nats://127.0.0.1:4222"]')),
  interface: either(text, record),
  termMs: number,
  onWaiting: callback,
  list: oneOf('cached', 'quorum'),
  learning: flag,
  clock: clockShape,
}

const check = (given?: unknown) => () => checkOptions<Options>('toy()', given, shapes)
const right = { servers: ['a'] }

describe('checkOptions', () => {
  it.each<[string, unknown, string]>([
    [
      'nothing',
      undefined,
      'toy() is called with an object of options, but it got undefined: they are servers, interface, ',
    ],
    ['text', 'nats://', 'toy() is called with an object of options, but it got text: they are servers, '],
    ['an array', [], 'it got an empty array'],
    [
      'one that is missing',
      {},
      'the option servers of toy() is missing: it must be an array of text, such as ["nats://127',
    ],
    ['text for a list', { servers: 'a' }, 'the option servers of toy() is text: it must be an array of text'],
    ['a hole in a list', { servers: [undefined] }, 'is an array of undefined: it must be an array of text'],
    [
      'a number for text',
      { ...right, interface: 5 },
      'the option interface of toy() is the number 5: it must be text, or an object',
    ],
    [
      'text for a number',
      { ...right, termMs: '5' },
      'the option termMs of toy() is text: it must be a number',
    ],
    [
      'an object for a function',
      { ...right, onWaiting: {} },
      'onWaiting of toy() is an object: it must be a function',
    ],
    ['another word', { ...right, list: 'all' }, "list of toy() is text: it must be 'cached' or 'quorum'"],
    ['null', { ...right, learning: null }, 'learning of toy() is null: it must be true or false'],
    ['no clock', { ...right, clock: Date }, 'it must be a Clock, with now(), monotonic() and sleep()'],
    [
      'one that does not exist',
      { ...right, colour: 1 },
      'toy() has no option colour; it has servers, interface, termMs, ',
    ],
    [
      'a short form',
      { ...right, iface: 'eth0' },
      'toy() has no option iface: did you mean interface?; it has',
    ],
    ['other capitals', { ...right, TermMS: 1 }, 'toy() has no option TermMS: did you mean termMs?'],
  ])('says of %s what is wrong', (_, given, message) => {
    expect(check(given)).toThrow(TypeError)
    expect(check(given)).toThrow(message)
  })

  it('quotes no text, which may be a secret', () => {
    expect(check({ ...right, termMs: 'hunter2' })).not.toThrow(/hunter2/)
  })

  it('takes what is right, and what is undefined', () => {
    expect(check({ ...right, interface: undefined, colour: undefined })).not.toThrow()
    expect(check({ ...right, interface: {}, list: 'quorum', learning: false, onWaiting() {} })).not.toThrow()
    expect(() => checkOptions<{ a?: number }>('toy()', undefined, { a: number })).not.toThrow()
  })
})

it.each([
  ['errror', 'error'],
  ['subnet', 'subnets'],
  ['VNI', 'vni'],
  ['iface', 'interface'],
  ['colour', undefined],
  ['x', undefined],
])('the nearest to %s is %s', (name, near) => {
  expect(nearest(name, ['error', 'interface', 'subnets', 'vni', 'warning'])).toBe(near)
})
