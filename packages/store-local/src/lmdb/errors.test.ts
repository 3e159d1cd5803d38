import { OverlayError } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { storeError } from './errors.js'

const failing = (message: string, code: string | number) => Object.assign(new Error(message), { code })

describe('storeError', () => {
  it.each([
    ['EACCES', 'ACCESS_DENIED', 'EACCES', /let this user read and write/],
    ['EROFS', 'ACCESS_DENIED', 'EROFS', /let this user read and write/],
    [13, 'ACCESS_DENIED', 'EACCES', /let this user read and write/],
    [28, 'STORE_UNAVAILABLE', 'ENOSPC', /free space on its disk; nothing was changed/],
    ['EIO', 'STORE_UNAVAILABLE', 'EIO', /inspect the file and its disk/],
    [-30_792, 'STORE_UNAVAILABLE', undefined, /it may not grow any further/],
    [-30_790, 'STORE_UNAVAILABLE', undefined, /too many processes/],
    [-30_796, 'STORE_CORRUPT', undefined, /is damaged: .*restore a copy or remove the file/],
    [-30_782, 'STORE_CORRUPT', undefined, /is damaged: .*restore a copy or remove the file/],
  ])('makes of %s an error %s that says what to do', (answer, code, errno, said) => {
    const cause = failing('what it said', answer)
    const error = storeError(cause, 'writing', '/var/lib/leases.mdb')
    expect(error).toBeInstanceOf(OverlayError)
    expect(error).toMatchObject({ code, cause, message: expect.stringMatching(said) })
    expect(Reflect.get(Object(error), 'errno')).toBe(errno)
    expect(error).toMatchObject({ message: expect.stringContaining('the store /var/lib/leases.mdb') })
    expect(error).toMatchObject({ message: expect.stringContaining('what it said') })
  })

  it('takes what cannot be decoded for damage', () => {
    expect(storeError(new SyntaxError('no JSON'), 'reading', '/x')).toMatchObject({ code: 'STORE_CORRUPT' })
  })

  it.each([
    new OverlayError('LEASE_LOST', 'lost'),
    new TypeError('misuse'),
    failing('of a program', 'ERR_INVALID_ARG_TYPE'),
    new DOMException('stopped', 'AbortError'),
    'no error at all',
  ])('lets %s be', (error) => {
    expect(storeError(error, 'reading', '/x')).toBe(error)
  })
})
