import { OverlayError } from '../util/errors.js'
import { printable } from '../util/quote.js'

/**
 * Throws an OverlayError `INVALID_CONFIG` for a network namespace that is not given by its path, but by the name that
 * `ip netns` has for it.
 *
 * @param where whose option it is, such as `linux()`
 */
export function requireNamespacePath(where: string, namespace: string | undefined): void {
  if (namespace === undefined || namespace.startsWith('/')) return
  const name = printable(namespace)
  throw new OverlayError(
    'INVALID_CONFIG',
    `the option namespace of ${where} is '${name}', but must be a path: give a path, such as /run/netns/${name}`,
  )
}
