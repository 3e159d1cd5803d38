import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { isOverlayError, type OverlayError } from '../util/errors.js'
import { GuardedEmitter } from './events.js'

class Bell extends GuardedEmitter<{ ring: [number]; error: [OverlayError] }> {}

describe('GuardedEmitter', () => {
  it('calls every listener although one throws, and tells the error listeners', () => {
    const bell = new Bell()
    const heard: unknown[] = []
    bell.on('ring', () => {
      throw new Error('deaf')
    })
    bell.on('ring', (times) => heard.push(times))
    bell.on('error', (error) => heard.push(isOverlayError(error, 'LISTENER_FAILED') && error.cause))
    expect(bell.emit('ring', 3)).toBe(true)
    expect(heard).toEqual([new Error('deaf'), 3])
  })

  it('is silent where an error has no listener, or one that throws', () => {
    const bell = new Bell()
    bell.on('ring', () => {
      throw new Error('deaf')
    })
    expect(() => bell.emit('ring', 1)).not.toThrow()
    bell.on('error', () => {
      throw new Error('deaf too')
    })
    expect(() => bell.emit('ring', 1)).not.toThrow()
  })

  it('calls a once listener once, and works with events.once', async () => {
    const bell = new Bell()
    const heard: number[] = []
    bell.once('ring', (times) => heard.push(times))
    const promised = once(bell, 'ring')
    bell.emit('ring', 1)
    bell.emit('ring', 2)
    expect(heard).toEqual([1])
    expect(await promised).toEqual([1])
  })
})
