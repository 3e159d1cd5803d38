/**
 * `npm run test:kernel`: runs the system tests that the machine's kernel may be unable to run, and those of netlink, on
 * Debian 12's kernel in an emulated machine. Arguments go to vitest.
 */
import { join } from 'node:path'
import { ensureKernel, whyNoKernel } from './kernel/image.mjs'
import { runOnKernel } from './kernel/machine.mjs'
import {
  addSystemFoldersToPath,
  build,
  ensureDebianPackages,
  ensureNpmPackages,
  root,
  testTools,
} from './setup.mjs'
import { runMain, SetupError, say } from './terminal.mjs'

await runMain(async (args) => {
  const obstacle = whyNoKernel()
  if (obstacle !== undefined) throw new SetupError(`These tests cannot run here: ${obstacle}`)
  addSystemFoldersToPath()
  await ensureNpmPackages()
  await build()
  await ensureDebianPackages(testTools)
  await ensureKernel()
  say('kernel', 'Debian 12, emulated: the tests take 5 to 10 times as long')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  return runOnKernel([process.execPath, vitest, 'run', '--project', 'kernel-6.1', ...args], {
    cwd: root,
    seconds: 3600,
    env: { SELVEDGE_TEST_KERNEL: '6.1', NO_COLOR: '1' },
  })
})
