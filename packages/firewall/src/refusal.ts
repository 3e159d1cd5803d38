import { OverlayError } from '@selvedge/core'
import { quote } from '@selvedge/core/kit'
import type { CommandOutput } from './command.js'

/** The error for a tool that failed: what it was to do, and what it said. */
export function refusal(attempted: string, { status, stderr, stdout }: CommandOutput): OverlayError {
  const said = stderr.trim() || stdout.trim()
  if (/permission denied|you must be root|operation not permitted/i.test(said)) {
    return new OverlayError(
      'ACCESS_DENIED',
      `${attempted} was denied: ${quote(said)}. Run as root, or with CAP_NET_ADMIN and CAP_NET_RAW`,
    )
  }
  const how = status === null ? 'took too long and was ended' : `failed with status ${status}`
  return new OverlayError('DRIVER_REFUSED', `${attempted} ${how}: ${quote(said)}`)
}

/** The error for a tool that is not installed. */
export const missingTool = (program: string, packageName: string): OverlayError =>
  new OverlayError(
    'UNSUPPORTED',
    `${program} is not installed, and traffic rules need it: install the package ${packageName}`,
  )
