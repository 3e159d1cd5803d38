import { OverlayError } from '@selvedge/core'

/**
 * `@kubernetes/client-node` is 60 MB on the disk, 70 MB in memory and half a second: it is an optional dependency, loaded by those
 * that name what only it can do. Throws an OverlayError `UNSUPPORTED` if it is not installed.
 *
 * @param why such as `the kubeconfig /etc/k.conf has a proxy`
 */
export async function loadClientNode(why: string): Promise<typeof import('./client-node-connector.js')> {
  try {
    return await import('./client-node-connector.js')
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    throw new OverlayError(
      'UNSUPPORTED',
      `${why}, for which @kubernetes/client-node is needed, and it is not installed. Run: npm install @kubernetes/client-node@1`,
      { cause },
    )
  }
}

/** Not of something that client-node imports: that would be a broken installation. */
const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND' &&
  error.message.includes("'@kubernetes/client-node'")
