/**
 * What a node pays to join a large Kubernetes cluster: start to converged, CPU and peak memory, with 5,000 and 15,000
 * Nodes as kubelets report them, on a real API server and a real kernel on this machine.
 *
 *   node bench/kube/run.mjs [nodes…] [--json]
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Lab } from '@selvedge/lab'
import { runnerImport } from 'vite'

const DEFAULT_SIZES = [5000, 15_000]
const RUNS = 5
const CREATORS = 8
const PREFIX = 'flannel.alpha.coreos.com'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const support = async (name) =>
  (await runnerImport(here(`../../packages/store-kube/tests/support/${name}.ts`), { configFile: false }))
    .module

const args = process.argv.slice(2)
const sizes = args.map(Number).filter((size) => size > 0)
const { KubeCluster } = await support('cluster')
const { realisticNode } = await support('realistic-node')

async function measureSize(size) {
  const cluster = await KubeCluster.start()
  try {
    const bytes = await createNodes(cluster, size)
    const accesses = {
      'service account': {
        apiUrl: cluster.url,
        caFile: cluster.authority.certFile,
        tokenFile: cluster.tokenFile,
      },
      kubeconfig: { kubeconfigFile: await cluster.adminKubeconfig() },
    }
    const measured = []
    for (const [access, value] of Object.entries(accesses)) {
      const runs = []
      for (let run = 0; run < RUNS; run += 1) runs.push(await measureOnce(value))
      measured.push({ nodes: size, 'kB a node': Math.round(bytes / 1000), access, ...median(runs) })
    }
    return measured
  } finally {
    await cluster.stop()
  }
}

async function measureOnce(access) {
  const lab = await Lab.create({ hosts: 1 })
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      here('measure.mjs'),
      JSON.stringify(access),
      'node-00000',
      JSON.stringify({ Network: '10.0.0.0/8', Backend: { Type: 'vxlan' } }),
      `/run/netns/${lab.host(0).namespace}`,
    ])
    return JSON.parse(stdout)
  } finally {
    await lab[Symbol.asyncDispose]()
  }
}

/** Resolves to the size of one node as the API server gives it out, in bytes. */
async function createNodes(cluster, size) {
  let next = 0
  const create = async () => {
    for (let index = next++; index < size; index = next++) {
      await cluster.admin.post('/api/v1/nodes', realisticNode(index, podCidr(index), annotations(index)))
    }
  }
  await Promise.all(Array.from({ length: CREATORS }, create))
  return JSON.stringify(await cluster.admin.get('/api/v1/nodes/node-00001')).length
}

const octets = (index) => `${Math.floor(index / 256)}.${index % 256}`
const podCidr = (index) => `10.${octets(index)}.0/24`

const annotations = (index) => ({
  [`${PREFIX}/kube-subnet-manager`]: 'true',
  [`${PREFIX}/backend-type`]: 'vxlan',
  [`${PREFIX}/backend-data`]: JSON.stringify({ VNI: 1, VtepMAC: vtepMac(index) }),
  [`${PREFIX}/public-ip`]: `172.16.${octets(index)}`,
})

const vtepMac = (index) => `02:00:00:00:${hex(Math.floor(index / 256))}:${hex(index % 256)}`
const hex = (octet) => octet.toString(16).padStart(2, '0')

/** The run whose time is the median. */
function median(runs) {
  const { leases, known, converged, cpu, peak } = runs.sort((a, b) => a.converged - b.converged)[
    Math.floor(runs.length / 2)
  ]
  return {
    leases,
    'start to leases, s': Number(known.toFixed(2)),
    'start to converged, s': Number(converged.toFixed(2)),
    'CPU, s': Number(cpu.toFixed(2)),
    'peak memory, MB': Math.round(peak),
  }
}

const rows = []
for (const size of sizes.length > 0 ? sizes : DEFAULT_SIZES) rows.push(...(await measureSize(size)))
if (args.includes('--json')) process.stdout.write(`${JSON.stringify(rows)}\n`)
else console.table(rows)
