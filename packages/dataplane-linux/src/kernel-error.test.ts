import { expect, it } from 'vitest'
import { toOverlayError } from './kernel-error.js'
import { NetlinkError } from './netlink/index.js'

it.each([
  ['EPERM', 'ACCESS_DENIED', /CAP_NET_ADMIN/],
  ['EOPNOTSUPP', 'UNSUPPORTED', /lacks/],
  ['ENODEV', 'DRIVER_REFUSED', /creating link x: the kernel answered ENODEV: why/],
])('%s is %s', (errno, code, message) => {
  const cause = new NetlinkError({
    reason: 'refused',
    operation: 'creating link x',
    errno,
    kernelText: 'why',
  })
  const error = toOverlayError(cause)
  expect(error).toMatchObject({ code, errno, cause })
  expect(error.message).toMatch(message)
})
