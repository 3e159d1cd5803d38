/**
 * `npm run bench`: installs what is missing, builds, runs bench/src/main.ts and, where there is a Kubernetes
 * API server to run it on, bench/kube/run.mjs. Arguments go to both; `--only kubernetes` runs the latter alone.
 */
import { join } from 'node:path'
import { ensureKubernetes, findKubernetes, remedy } from './kube-apiserver.mjs'
import {
  addSystemFoldersToPath,
  build,
  ensureDebianPackages,
  ensureNpmPackages,
  root,
  testTools,
  whyNoNamespaces,
} from './setup.mjs'
import { runInForeground, runMain, SetupError, say } from './terminal.mjs'

await runMain(async (args) => {
  addSystemFoldersToPath()
  await ensureNpmPackages()
  await build()
  const obstacle = await whyNoNamespaces()
  if (obstacle !== undefined)
    throw new SetupError(`Nothing can be measured: ${obstacle}. Run: sudo npm run bench`)
  await ensureDebianPackages(testTools)
  const only = args.includes('--only') ? args[args.indexOf('--only') + 1] : undefined
  const status = only === 'kubernetes' ? 0 : await run('bench/dist/main.js', args)
  if (status !== 0 || (only !== undefined && only !== 'kubernetes')) return status
  if (findKubernetes() === undefined) {
    say('Kubernetes', `not measured, for want of an API server: ${remedy}`)
    return only === undefined ? 0 : 1
  }
  await ensureKubernetes()
  return run('bench/kube/run.mjs', args)
})

function run(program, args) {
  return runInForeground(process.execPath, [join(root, program), ...args], { cwd: root })
}
