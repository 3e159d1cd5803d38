/** `npm run docs`: installs what only the site needs, and builds it. Arguments are those of site/build.mjs. */
import { join } from 'node:path'
import { ensureNpmPackages, root } from './setup.mjs'
import { runInForeground, runMain } from './terminal.mjs'

await runMain(async (args) => {
  await ensureNpmPackages()
  await ensureNpmPackages(join(root, 'site'))
  return runInForeground(process.execPath, [join(root, 'site/build.mjs'), ...args], { cwd: root })
})
