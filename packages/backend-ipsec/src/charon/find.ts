import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { promisify } from 'node:util'
import { OverlayError } from '@selvedge/core'

/** Where flannel looks after the PATH: distributions keep charon out of it. */
const PATHS = [
  '/usr/lib/strongswan/charon',
  '/usr/lib/ipsec/charon',
  '/usr/libexec/strongswan/charon',
  '/usr/libexec/ipsec/charon',
]

/**
 * charon's path: the one that is given, or the first that is there. Rejects with an OverlayError `UNSUPPORTED` that says
 * what to install.
 */
export async function findCharon(given?: string): Promise<string> {
  const candidates = given === undefined ? [...(await inPath()), ...PATHS] : [given]
  for (const path of candidates) if (await isExecutable(path)) return path
  throw new OverlayError(
    'UNSUPPORTED',
    `looking for strongSwan's charon at ${(given === undefined ? ['charon in the PATH', ...PATHS] : [given]).join(', ')}: ` +
      'it is not there; the ipsec backend needs it (Debian: apt-get install strongswan-charon ' +
      'libstrongswan-standard-plugins), or a running one by viciUri (in the environment of selvedged, IPSEC_VICI_URI)',
  )
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

const inPath = (): Promise<readonly string[]> =>
  promisify(execFile)('sh', ['-c', 'command -v charon']).then(
    ({ stdout }) => [stdout.trim()],
    () => [],
  )
