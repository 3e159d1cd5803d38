/**
 * A clean Debian 12 for the tests of the .deb, by debootstrap, in the user's cache: a folder, over which a test mounts its
 * own. It takes a minute once, and 170 MB.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { archive, cache } from './debian-13.mjs'
import { ensureDebianPackages } from './setup.mjs'
import { runQuietly, step } from './terminal.mjs'

/** Beside what Debian calls essential: what the package recommends, and another service manager. */
const INCLUDED = ['iproute2', 'iptables', 'openrc']

/** Where it is, once it has been made. */
export const debian12 = join(cache, `debian-12-${INCLUDED.join('-')}`)

/** Makes it unless it is there. */
export async function ensureDebian12() {
  if (existsSync(debian12)) return
  await ensureDebianPackages([{ command: 'debootstrap', package: 'debootstrap' }])
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'debootstrap-'))
  try {
    const root = join(work, 'root')
    await step('Debian 12', 'debootstrap, for the tests of the .deb', async () => {
      const options = ['--variant=minbase', `--include=${INCLUDED.join(',')}`]
      await runQuietly('debootstrap', [...options, 'bookworm', root, await archive()])
    })
    await rm(join(root, 'var/cache/apt/archives'), { recursive: true })
    // It appears whole or not at all; another run may have been faster.
    await rename(root, debian12).catch((error) => {
      if (!existsSync(debian12)) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
