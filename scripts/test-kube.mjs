/**
 * `npm run test:kube`: builds a Kubernetes API server if there is none yet, then runs the tests that need
 * one. Arguments go to vitest.
 */
import { join } from 'node:path'
import { ensureKubernetes } from './kube-apiserver.mjs'
import { ensureKubectl132 } from './kubectl.mjs'
import { addSystemFoldersToPath, build, ensureNpmPackages, root } from './setup.mjs'
import { runInForeground, runMain } from './terminal.mjs'

await runMain(async (args) => {
  addSystemFoldersToPath()
  await ensureNpmPackages()
  await build()
  await ensureKubernetes()
  await ensureKubectl132()
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  return runInForeground(process.execPath, [vitest, 'run', '--project', 'kube', ...args], { cwd: root })
})
