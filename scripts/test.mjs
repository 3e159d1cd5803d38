/**
 * `npm test`: installs what is missing, builds, runs every test. Arguments go to vitest.
 *
 * The system tests need root for network namespaces. Without it the unit tests run, and the whole
 * fails saying so: a test that did not run must not look like one that passed. The tests on Kubernetes
 * are the one exception: its API server takes minutes to build, so `npm test` runs them if it is built
 * (`npm run test:kube`), and says so if it is not. Some run on another kernel besides: `npm run test:kernel`.
 */
import { join } from 'node:path'
import { ensureDebian12 } from './debian-12.mjs'
import { ensureEtcd35 } from './etcd.mjs'
import { ensureFirewalld } from './firewalld.mjs'
import { ensureKubernetes, findKubernetes, remedy } from './kube-apiserver.mjs'
import { ensureKubectl132 } from './kubectl.mjs'
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

const UNIT_ONLY = ['--project', 'unit']
const WITHOUT_KUBERNETES = ['unit', 'system', 'etcd-3.5'].flatMap((name) => ['--project', name])

await runMain(async (args) => {
  addSystemFoldersToPath()
  await ensureNpmPackages()
  await build()
  if (choosesOnlyUnit(args)) return vitest(args)

  const obstacle = await whyNoNamespaces()
  if (obstacle !== undefined) {
    await vitest([...UNIT_ONLY, ...args])
    throw new SetupError(`The system tests did not run: ${obstacle}. Run: sudo npm test`)
  }
  await ensureDebianPackages(testTools)
  await ensureEtcd35()
  await ensureDebian12()
  await ensureFirewalld()
  const hasKubernetes = findKubernetes() !== undefined
  if (hasKubernetes) {
    await ensureKubernetes()
    await ensureKubectl132()
  }
  if (hasKubernetes || choosesProjects(args)) return vitest(args)
  const status = await vitest([...WITHOUT_KUBERNETES, ...args])
  say('Kubernetes', `its tests did not run, for want of an API server: ${remedy}`)
  return status
})

function choosesOnlyUnit(args) {
  return args.some((arg, i) => arg === '--project=unit' || (arg === '--project' && args[i + 1] === 'unit'))
}

function choosesProjects(args) {
  return args.some((arg) => arg === '--project' || arg.startsWith('--project='))
}

function vitest(args) {
  return runInForeground(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {
    cwd: root,
  })
}
