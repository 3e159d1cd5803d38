/**
 * A second etcd for the tests: Debian 12 has 3.4, and many clusters run 3.5. Downloads Debian 13's etcd-server, whose
 * binary is static, and keeps it in the user's cache, outside the checkout and without installing it.
 *
 *   node scripts/etcd.mjs          downloads it unless it exists, prints its path
 *   node scripts/etcd.mjs --check  says whether it exists
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache, ensureFromDebian13 } from './debian-13.mjs'
import { runMain, say } from './terminal.mjs'

/** Where etcd 3.5 is, once it has been downloaded. */
export const etcd35 = join(cache, 'etcd-3.5', 'etcd')

/** Downloads etcd 3.5 unless it is there. */
export const ensureEtcd35 = () =>
  ensureFromDebian13({
    label: 'etcd 3.5',
    package: 'etcd-server',
    program: 'usr/bin/etcd',
    target: etcd35,
    args: ['--version'],
    isRight: (version) => /^etcd Version: 3\.5\./.test(version),
  })

async function main(args) {
  if (!args.includes('--check')) await ensureEtcd35()
  const found = existsSync(etcd35)
  say('etcd 3.5', found ? etcd35 : 'not there: node scripts/etcd.mjs downloads it (25 MB on disk)')
  return found ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(main)
