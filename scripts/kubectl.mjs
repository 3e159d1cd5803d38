/**
 * A second kubectl for the tests: the kustomize in Debian 12's, 1.20, knows no components. Downloads Debian 13's kubectl and
 * keeps it in the user's cache, outside the checkout and without installing it.
 *
 *   node scripts/kubectl.mjs          downloads it unless it exists, prints its path
 *   node scripts/kubectl.mjs --check  says whether it exists
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache, ensureFromDebian13 } from './debian-13.mjs'
import { runMain, say } from './terminal.mjs'

/** Where kubectl 1.32 is, once it has been downloaded. */
export const kubectl132 = join(cache, 'kubectl-1.32', 'kubectl')

/** Downloads kubectl 1.32 unless it is there. */
export const ensureKubectl132 = () =>
  ensureFromDebian13({
    label: 'kubectl 1.32',
    package: 'kubectl',
    program: 'usr/bin/kubectl',
    target: kubectl132,
    args: ['version', '--client'],
    isRight: (version) => /^Client Version: v1\.32\./m.test(version),
  })

async function main(args) {
  if (!args.includes('--check')) await ensureKubectl132()
  const found = existsSync(kubectl132)
  say('kubectl 1.32', found ? kubectl132 : 'not there: node scripts/kubectl.mjs downloads it (80 MB on disk)')
  return found ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(main)
