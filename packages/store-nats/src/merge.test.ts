import { expect, it } from 'vitest'
import { merge } from './merge.js'

async function* values<T>(...all: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* all
}

async function collect<T>(source: AsyncGenerator<T, void, undefined>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const value of source) all.push(value)
  return all
}

it('yields what all sources yield, each in its order, and ends with the last', async () => {
  const all = await collect(merge([values('a1', 'a2'), values<string>(), values('b1', 'b2', 'b3')]))
  expect(all.filter((value) => value.startsWith('a'))).toEqual(['a1', 'a2'])
  expect(all.filter((value) => value.startsWith('b'))).toEqual(['b1', 'b2', 'b3'])
})

it('fails with the first that fails, and ends the others', async () => {
  let isEnded = false
  async function* endless(): AsyncGenerator<number, void, undefined> {
    try {
      for (let n = 0; ; n += 1) yield n
    } finally {
      isEnded = true
    }
  }
  async function* failing(): AsyncGenerator<number, void, undefined> {
    yield 1
    throw new Error('it failed')
  }
  await expect(collect(merge([endless(), failing()]))).rejects.toThrow('it failed')
  expect(isEnded).toBe(true)
})

it('keeps nothing of what one source yields with another that is silent', async () => {
  let reactions = 0
  const never = new Promise<IteratorResult<number, void>>(() => {})
  const then = never.then.bind(never)
  Object.assign(never, {
    // biome-ignore lint/suspicious/noThenProperty: counts who waits for it
    then: (...args: Parameters<typeof then>) => {
      reactions += 1
      return then(...args)
    },
  })
  const silent = values<number>()
  Object.assign(silent, { next: () => never })
  const busy = values(...Array.from({ length: 1_000 }, (_, n) => n))
  let seen = 0
  for await (const _ of merge([silent, busy])) {
    seen += 1
    if (seen === 1_000) break
  }
  expect(reactions).toBe(1)
})
