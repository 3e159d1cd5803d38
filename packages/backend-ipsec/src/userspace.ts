import { access, constants } from 'node:fs/promises'
import { OverlayError } from '@selvedge/core'
import { mayHavePlugin } from './charon/find.js'
import { ViciClient } from './vici/client.js'
import { kernelHasEsp } from './xfrm/state.js'

export interface UserspaceOptions {
  /** The charon that is to be started. */
  readonly charon: string | undefined
  /** The one that runs already. */
  readonly viciUri?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Whether charon itself does ESP, by its plugin kernel-libipsec: if the kernel has none, or if a charon that runs already
 * has that plugin. Rejects with an OverlayError `UNSUPPORTED` if neither can do it, or no charon runs.
 */
export async function isUserspace({ charon, viciUri, signal }: UserspaceOptions): Promise<boolean> {
  if (viciUri !== undefined) return hasLibipsec(viciUri, signal)
  if (await kernelHasEsp({ signal })) return false
  const missing = [
    ...((await mayHavePlugin(charon ?? '', 'kernel-libipsec'))
      ? []
      : ["strongSwan's plugin kernel-libipsec (Debian: libcharon-extra-plugins)"]),
    ...((await canOpen('/dev/net/tun')) ? [] : ['/dev/net/tun']),
  ]
  if (missing.length === 0) return true
  throw new OverlayError(
    'UNSUPPORTED',
    `the kernel has no ESP, and without it the ipsec backend needs ${missing.join(' and ')}, which this host has not; ` +
      'load the modules esp4 and esp6, or provide what is missing',
  )
}

async function hasLibipsec(viciUri: string, signal: AbortSignal | undefined): Promise<boolean> {
  using client = await ViciClient.open(viciUri, { signal })
  if (client === undefined) {
    throw new OverlayError(
      'UNSUPPORTED',
      `no charon listens at viciUri ${viciUri}; start it, or let the backend start one of its own`,
    )
  }
  const { plugins } = await client.command('stats', {}, { signal })
  return Array.isArray(plugins) && plugins.includes('kernel-libipsec')
}

const canOpen = (path: string): Promise<boolean> =>
  access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
