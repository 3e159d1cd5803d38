import { describe, expect, it } from 'vitest'
import { OverlayError } from '../util/errors.js'
import { RetryQueue } from './retry-queue.js'

const error = new OverlayError('DRIVER_REFUSED', 'no')

describe('RetryQueue', () => {
  it('backs off by doubling, up to 30 s', () => {
    const retries = new RetryQueue(() => 1)
    const delays = Array.from({ length: 12 }, () => {
      retries.failed('key', error, 0)
      return retries.nextDueAt()
    })
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000])
    expect(retries.list()).toEqual([{ key: 'key', error, attempts: 12 }])
  })

  it('starts from the beginning once forgotten', () => {
    const retries = new RetryQueue(() => 1)
    retries.failed('key', error, 0)
    retries.failed('key', error, 0)
    retries.forget('key')
    expect(retries.nextDueAt()).toBe(Number.POSITIVE_INFINITY)
    retries.failed('key', error, 0)
    expect(retries.nextDueAt()).toBe(100)
  })

  it('keeps counting if a write that succeeded did not hold, until a read proves it', () => {
    const retries = new RetryQueue(() => 1)
    const attempts = () => retries.list().map((failure) => failure.attempts)
    retries.failed('key', error, 0)
    retries.failed('key', error, 0)
    retries.succeeded('key')
    expect(retries.list()).toEqual([])
    retries.proven(() => true)
    retries.failed('key', error, 0)
    expect(attempts()).toEqual([3])
    retries.succeeded('key')
    retries.proven(() => false)
    retries.failed('key', error, 0)
    expect(attempts()).toEqual([1])
  })

  it('has each key due at its own time, and all at once when hastened', () => {
    const retries = new RetryQueue(() => 1)
    retries.failed('a', error, 0)
    retries.failed('b', error, 50)
    expect(retries.due(99)).toEqual([])
    expect(retries.due(100)).toEqual(['a'])
    retries.hasten()
    expect(retries.due(0)).toEqual(['a', 'b'])
  })
})
