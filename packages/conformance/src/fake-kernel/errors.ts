import { OverlayError } from '@selvedge/core'
import type { FakeRequest } from './requests.js'

/** What the kernel fails a request with, by the name of its errno (include/uapi/asm-generic/errno.h). */
export class FakeKernelError extends Error {
  override readonly name = 'FakeKernelError'
  /** Its name, such as `EEXIST`. */
  readonly errno: string

  constructor(errno: string, message: string) {
    super(message)
    this.errno = errno
  }
}

/** The same as a driver reports it. */
export function refusal(request: FakeRequest, error: FakeKernelError): OverlayError {
  const attempted = request.type === 'snapshot' ? 'to read' : `to ${request.type} ${request.resource.key}`
  const code = error.errno === 'EPERM' || error.errno === 'EACCES' ? 'ACCESS_DENIED' : 'DRIVER_REFUSED'
  return new OverlayError(code, `${attempted}: ${error.errno} (${error.message})`, {
    errno: error.errno,
    cause: error,
  })
}
