import { OverlayError } from '@selvedge/core'
import type { FakeRequest } from './fake-kernel-faults.js'
import type { FakeKernelError } from './fake-kernel-state.js'

/** A refusal as a driver hands it on. */
export function refusal(request: FakeRequest, error: FakeKernelError): OverlayError {
  const attempted = request.type === 'snapshot' ? 'to read' : `to ${request.type} ${request.resource.key}`
  const code = error.errno === 'EPERM' || error.errno === 'EACCES' ? 'ACCESS_DENIED' : 'KERNEL_REFUSED'
  return new OverlayError(code, `${attempted}: ${error.errno} (${error.message})`, {
    errno: error.errno,
    cause: error,
  })
}
