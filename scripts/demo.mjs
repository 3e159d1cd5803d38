/**
 * `npm run demo`: installs what is missing, builds, runs lab/src/demo.ts. Arguments go to the demo.
 *
 * Without root or namespaces it says so in one line and shows the same composition on the fake kernel.
 */
import { join } from 'node:path'
import {
  addSystemFoldersToPath,
  build,
  cniDemoTools,
  ensureDebianPackages,
  ensureNpmPackages,
  ipsecTools,
  labTools,
  root,
  whyNoNamespaces,
  wireguardTools,
} from './setup.mjs'
import { runInForeground, runMain } from './terminal.mjs'

const FAKE = '--fake'
const CNI = '--cni'

await runMain(async (args) => {
  addSystemFoldersToPath()
  await ensureNpmPackages()
  // The agent and the plugin, which the demo runs as programs, are bundles.
  await build(args.includes(CNI) ? undefined : 'lab')
  return demo((await needsFakeKernel(args)) ? [FAKE, ...args] : args)
})

async function needsFakeKernel(args) {
  if (args.includes(FAKE) || args.includes('--help')) return false
  const obstacle = await whyNoNamespaces()
  if (obstacle !== undefined) {
    process.stderr.write(`${obstacle}: showing on the fake kernel what would be programmed.\n`)
    return true
  }
  await ensureDebianPackages([
    ...labTools,
    ...(args.includes(CNI) ? cniDemoTools : []),
    ...(args.some((arg) => arg.endsWith('wireguard')) ? wireguardTools : []),
    ...(args.some((arg) => arg.endsWith('ipsec')) ? ipsecTools : []),
  ])
  return false
}

function demo(args) {
  return runInForeground(process.execPath, [join(root, 'lab/dist/demo.js'), ...args], { cwd: root })
}
