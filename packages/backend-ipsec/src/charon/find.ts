import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { OverlayError } from '@selvedge/core'

/** Where flannel looks after the PATH: distributions keep charon out of it. */
const PATHS = [
  '/usr/lib/strongswan/charon',
  '/usr/lib/ipsec/charon',
  '/usr/libexec/strongswan/charon',
  '/usr/libexec/ipsec/charon',
]

const INSTALL = 'Debian: apt-get install strongswan-charon strongswan-swanctl libstrongswan-standard-plugins'

/**
 * charon's path: the one that is given, or the first that is there. Rejects with an OverlayError `UNSUPPORTED` that says
 * what to install.
 */
export async function findCharon(given?: string): Promise<string> {
  const candidates = given === undefined ? [...(await inPath()), ...PATHS] : [given]
  for (const path of candidates) {
    if (!(await isExecutable(path))) continue
    if (await mayHavePlugin(path, 'vici')) return path
    throw new OverlayError(
      'UNSUPPORTED',
      `looking at the plugins of ${path}: libstrongswan-vici.so, by which the ipsec backend talks to charon, is not there ` +
        `(${INSTALL})`,
    )
  }
  throw new OverlayError(
    'UNSUPPORTED',
    `looking for strongSwan's charon at ${(given === undefined ? ['charon in the PATH', ...PATHS] : [given]).join(', ')}: ` +
      `it is not there; the ipsec backend needs it (${INSTALL}), or a running one by viciUri (in the environment of selvedged, IPSEC_VICI_URI)`,
  )
}

/** False if charon's plugins are beside it, as everywhere, and this one is not among them. */
export async function mayHavePlugin(charon: string, name: string): Promise<boolean> {
  const files = await readdir(join(dirname(charon), 'plugins')).catch((): string[] => [])
  return files.length === 0 || files.includes(`libstrongswan-${name}.so`)
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
