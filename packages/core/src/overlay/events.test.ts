import { EventEmitter } from 'eventemitter3'
import { describe, expect, it } from 'vitest'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { GuardedEmitter } from './events.js'

class Bell extends GuardedEmitter<{ ring: [number]; error: [OverlayError] }> {}

describe('GuardedEmitter', () => {
  it('is an eventemitter3', () => {
    expect(new Bell()).toBeInstanceOf(EventEmitter)
  })

  it('calls every listener although one throws, and reports what it threw', () => {
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

  it('reports what an async listener rejects with; the process goes on', async () => {
    const bell = new Bell()
    const heard: number[] = []
    bell.on('ring', async () => {
      await Promise.resolve()
      throw new OverlayError('STORE_UNAVAILABLE', 'deaf')
    })
    bell.on('ring', (times) => heard.push(times))
    const reported = new Promise<OverlayError>((resolve) => bell.on('error', resolve))
    bell.emit('ring', 1)
    expect(await reported).toMatchObject({
      code: 'LISTENER_FAILED',
      message: "a listener to 'ring' failed: deaf",
      cause: { code: 'STORE_UNAVAILABLE' },
    })
    expect(heard).toEqual([1])
  })

  it('is silent if an error has no listener, or one that throws or rejects', async () => {
    const bell = new Bell()
    bell.on('ring', () => {
      throw new Error('deaf')
    })
    expect(() => bell.emit('ring', 1)).not.toThrow()
    const heard: string[] = []
    bell.on('error', () => {
      throw new Error('deaf too')
    })
    bell.on('error', async () => {
      throw new Error('deaf later')
    })
    bell.on('error', ({ code }) => heard.push(code))
    expect(() => bell.emit('ring', 1)).not.toThrow()
    await new Promise(setImmediate)
    expect(heard).toEqual(['LISTENER_FAILED'])
  })

  it('calls a once listener once', () => {
    const bell = new Bell()
    const heard: number[] = []
    bell.once('ring', (times) => heard.push(times))
    bell.emit('ring', 1)
    bell.emit('ring', 2)
    expect(heard).toEqual([1])
    expect(bell.listenerCount('ring')).toBe(0)
  })

  it('removes a listener by what was added, of one event and no other', () => {
    const bell = new Bell()
    const heard: unknown[] = []
    const listener = (told: unknown): void => void heard.push(told)
    bell.on('ring', listener).once('ring', listener).on('error', listener)
    expect(bell.listeners('ring')).toEqual([listener, listener])
    bell.off('ring', listener)
    bell.emit('ring', 1)
    const error = new OverlayError('INTERNAL', 'cracked')
    bell.emit('error', error)
    bell.removeAllListeners()
    bell.emit('error', error)
    expect(heard).toEqual([error])
  })

  it('calls a listener upon the context it was added with, or else the emitter', () => {
    const bell = new Bell()
    const seen: unknown[] = []
    const listener = function (this: unknown): void {
      seen.push(this)
    }
    const tower = {}
    bell.on('ring', listener).on('ring', listener, tower)
    bell.emit('ring', 1)
    expect(seen).toEqual([bell, tower])
  })
})
