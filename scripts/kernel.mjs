/**
 * `npm run kernel -- COMMAND [ARGUMENT…]`: runs a command as root on Debian 12's kernel, in an emulated machine that sees
 * this machine's files. What it writes is gone with it.
 */
import { ensureKernel, whyNoKernel } from './kernel/image.mjs'
import { runOnKernel } from './kernel/machine.mjs'
import { addSystemFoldersToPath } from './setup.mjs'
import { runMain, SetupError } from './terminal.mjs'

await runMain(async (command) => {
  if (command.length === 0) throw new SetupError('usage: npm run kernel -- COMMAND [ARGUMENT…]')
  const obstacle = whyNoKernel()
  if (obstacle !== undefined) throw new SetupError(`No other kernel here: ${obstacle}`)
  addSystemFoldersToPath()
  await ensureKernel()
  return runOnKernel(command, { cwd: process.cwd() })
})
