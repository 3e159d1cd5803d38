import { describe, expect, it } from 'vitest'
import { isOverlayError, OverlayError } from './errors.js'

describe('an OverlayError', () => {
  it('says what, by which code, and why', () => {
    const cause = new Error('connection refused')
    const error = new OverlayError('STORE_UNAVAILABLE', 'listing leases in etcd', {
      cause,
      errno: 'ECONNREFUSED',
    })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'OverlayError',
      code: 'STORE_UNAVAILABLE',
      message: 'listing leases in etcd',
      errno: 'ECONNREFUSED',
      cause,
    })
    expect(String(error)).toBe('OverlayError: listing leases in etcd')
  })

  it('has no cause if there is none', () => {
    const error = new OverlayError('CLOSED', 'stopped')
    expect('cause' in error).toBe(false)
    expect(error.errno).toBeUndefined()
    expect('errno' in error).toBe(false)
  })

  it('is made of whatever was thrown, and keeps it', () => {
    const thrown = new RangeError('too far')
    const error = OverlayError.from(thrown, 'DRIVER_REFUSED', 'adding a route to 10.5.7.0/24')
    expect(error).toMatchObject({ code: 'DRIVER_REFUSED', cause: thrown })
    expect(error.message).toBe('adding a route to 10.5.7.0/24: too far')
    expect(OverlayError.from('no', 'CLOSED', 'asking').message).toBe('asking: no')
    expect(OverlayError.from(undefined, 'CLOSED', 'asking').message).toBe('asking: undefined')
  })

  it('is left as it is if it is one already', () => {
    const error = new OverlayError('LEASE_LOST', 'the lease is gone')
    expect(OverlayError.from(error, 'STORE_UNAVAILABLE', 'renewing')).toBe(error)
  })

  it.each<[thrown: unknown, any: boolean, lost: boolean]>([
    [new OverlayError('LEASE_LOST', 'gone'), true, true],
    [new OverlayError('CLOSED', 'stopped'), true, false],
    [new Error('LEASE_LOST'), false, false],
    [Object.assign(new Error('gone'), { code: 'LEASE_LOST' }), false, false],
    [undefined, false, false],
    ['LEASE_LOST', false, false],
  ])('is distinguished from others: %o', (thrown, any, lost) => {
    expect(isOverlayError(thrown)).toBe(any)
    expect(isOverlayError(thrown, 'LEASE_LOST')).toBe(lost)
  })
})
