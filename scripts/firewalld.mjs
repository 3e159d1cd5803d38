/**
 * Debian's firewalld for the tests, unpacked into the user's cache. It is not installed: that would start it on this machine,
 * with rules of its own.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cache } from './debian-13.mjs'
import { ensureDebianPackages } from './setup.mjs'
import { runQuietly, step } from './terminal.mjs'

const PACKAGES = ['firewalld', 'python3-firewall', 'python3-nftables']

/** What these load. */
const LOADED = [
  { command: 'dbus-daemon', package: 'dbus-daemon' },
  { command: '/usr/lib/python3/dist-packages/dbus', package: 'python3-dbus' },
  { command: '/usr/lib/python3/dist-packages/gi', package: 'python3-gi' },
]

/** Where it is, once it has been unpacked. */
export const firewalld = join(cache, 'firewalld')

/** Unpacks it unless it is there. */
export async function ensureFirewalld() {
  await ensureDebianPackages(LOADED)
  if (existsSync(firewalld)) return
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'firewalld-'))
  try {
    await step('firewalld', `apt-get download ${PACKAGES.join(' ')}`, async () => {
      await runQuietly('apt-get', ['update'])
      await runQuietly('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...PACKAGES], { cwd: work })
      for (const file of await readdir(work))
        await runQuietly('dpkg-deb', ['-x', file, 'root'], { cwd: work })
    })
    // It appears whole or not at all; another run may have been faster.
    await rename(join(work, 'root'), firewalld).catch((error) => {
      if (!existsSync(firewalld)) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
