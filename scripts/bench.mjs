/** `npm run bench`: installs what is missing, builds, runs bench/src/main.ts. Arguments go to that. */
import { join } from 'node:path'
import {
  addSystemFoldersToPath,
  build,
  ensureDebianPackages,
  ensureNpmPackages,
  root,
  testTools,
  whyNoNamespaces,
} from './setup.mjs'
import { runInForeground, runMain, SetupError } from './terminal.mjs'

await runMain(async (args) => {
  addSystemFoldersToPath()
  await ensureNpmPackages()
  await build()
  const obstacle = await whyNoNamespaces()
  if (obstacle !== undefined)
    throw new SetupError(`Nothing can be measured: ${obstacle}. Run: sudo npm run bench`)
  await ensureDebianPackages(testTools)
  return runInForeground(process.execPath, [join(root, 'bench/dist/main.js'), ...args], { cwd: root })
})
