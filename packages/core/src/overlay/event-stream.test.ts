import { describe, expect, it, vi } from 'vitest'
import { EventStream } from './event-stream.js'

async function take(stream: EventStream<number>, count: number): Promise<number[]> {
  const taken: number[] = []
  for (let n = 0; n < count; n += 1) {
    const { done, value } = await stream.next()
    if (done) break
    taken.push(value)
  }
  return taken
}

describe('EventStream', () => {
  it('hands out what was pushed, in order, whoever waits for whom', async () => {
    const stream = new EventStream<number>(() => undefined)
    stream.push(1)
    stream.push(2)
    expect(await take(stream, 2)).toEqual([1, 2])
    const later = Promise.all([stream.next(), stream.next()])
    stream.push(3)
    stream.push(4)
    expect(await later).toEqual([
      { done: false, value: 3 },
      { done: false, value: 4 },
    ])
    stream.push(5)
    expect(await take(stream, 1)).toEqual([5])
  })

  it('hands out what waits before it ends', async () => {
    const onEnd = vi.fn()
    const stream = new EventStream<number>(onEnd)
    stream.push(1)
    stream.end()
    stream.push(2)
    stream.end()
    expect(await take(stream, 9)).toEqual([1])
    expect(onEnd).toHaveBeenCalledTimes(1)
  })

  it('ends a consumer that waits', async () => {
    const stream = new EventStream<number>(() => undefined)
    const next = stream.next()
    stream.end()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  it('drops what waits when it is closed, or its consumer leaves the loop', async () => {
    const onEnd = vi.fn()
    const stream = new EventStream<number>(onEnd)
    for (const n of [1, 2, 3]) stream.push(n)
    for await (const n of stream) if (n === 1) break
    expect(onEnd).toHaveBeenCalledTimes(1)
    expect(await take(stream, 9)).toEqual([])
  })

  it('says so when its consumer falls too far behind, rather than leave a gap', async () => {
    const onEnd = vi.fn()
    const stream = new EventStream<number>(onEnd, 2)
    for (const n of [1, 2, 3]) stream.push(n)
    expect(onEnd).toHaveBeenCalledTimes(1)
    await expect(stream.next()).rejects.toMatchObject({ code: 'EVENTS_LOST' })
    expect(await take(stream, 9)).toEqual([])
  })
})
