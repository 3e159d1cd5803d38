import { expect, test } from 'vitest'
import { decodeDatagram, encodeDatagram } from './datagram.js'

const question = { kind: 'question', nonce: 0xfedc_ba98_7654_3210n, heardAgeMs: 1234 } as const

test('a datagram is read as it was written, and an answer is as long as its question', () => {
  const answer = { ...question, kind: 'answer' } as const
  expect(decodeDatagram(encodeDatagram(question))).toEqual(question)
  expect(decodeDatagram(encodeDatagram(answer))).toEqual(answer)
  expect(encodeDatagram(answer)).toHaveLength(encodeDatagram(question).length)
})

test.each([
  [-1, 0],
  [0.6, 1],
  [2 ** 40, 2 ** 32 - 1],
  [Number.POSITIVE_INFINITY, 2 ** 32 - 1],
])('an age of %d ms is written as %d', (heardAgeMs, written) => {
  expect(decodeDatagram(encodeDatagram({ ...question, heardAgeMs }))).toMatchObject({ heardAgeMs: written })
})

test('whatever differs in its length, its magic, its version, its kind or its reserved bytes is none', () => {
  const good = encodeDatagram(question)
  const damaged = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => {
    const bytes = Buffer.from(good)
    bytes[index] = 0xee
    return bytes
  })
  const others = [Buffer.alloc(0), Buffer.alloc(20), good.subarray(1), Buffer.concat([good, Buffer.alloc(1)])]
  for (const bytes of [...damaged, ...others]) expect(decodeDatagram(bytes)).toBeUndefined()
})
