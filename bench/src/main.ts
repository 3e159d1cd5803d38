/**
 * `npm run bench`: what selvedge costs, beside what `ip` and `bridge` cost for the same on the same machine in the same
 * minute. Each measurement runs in a process of its own, on hosts made for it.
 *
 *     npm run bench -- [--json] [--only NAME] [--quick]
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { table } from '@selvedge/lab'
import { findKubernetes, remedy } from '../../scripts/kube-apiserver.mjs'
import type { Measured, MeasurementName } from './measurements.js'
import type { Starts } from './starts.js'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})

/** A file system in memory, on Linux. */
const MEMORY = '/dev/shm'

const ONE = fileURLToPath(new URL('measure-one.js', import.meta.url))

const abort = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())

/** Runs one measurement in a process of its own. */
async function measure<N extends MeasurementName>(name: N, peers: number): Promise<Measured<N>> {
  const child = spawn(process.execPath, [ONE, name, String(peers)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // etcd keeps its data in memory: the host's disk is not what is measured.
    env: existsSync(MEMORY) ? { ...process.env, TMPDIR: MEMORY } : process.env,
  })
  const end = () => child.kill('SIGTERM')
  abort.signal.addEventListener('abort', end)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk
  })
  const status = await new Promise((resolve) => child.once('close', resolve))
  abort.signal.removeEventListener('abort', end)
  abort.signal.throwIfAborted()
  if (status !== 0) throw new Error(`measuring ${name} with ${peers} peers ended with status ${status}`)
  return JSON.parse(output) as Measured<N>
}

interface Benchmark<N extends MeasurementName> {
  readonly name: N
  readonly title: string
  readonly peers: readonly number[]
  readonly head: readonly string[]
  readonly rows: (measured: Measured<N>) => readonly (readonly string[])[]
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`
const ratio = (one: number, other: number): string => (one / other).toFixed(2)
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

const START_HEAD = [
  'starts',
  'subnet.env',
  'kernel holds all',
  'CPU',
  'peak memory',
  'ip and bridge -batch alone',
  'ratio',
]

function startCells(measured: Starts, batch: number): readonly string[] {
  const { starts, subnetEnv, converged, cpu, peakMemory } = measured
  const times = [ms(subnetEnv), ms(converged), ms(cpu)]
  return [`${starts}`, ...times, mb(peakMemory), ms(batch), ratio(converged, batch)]
}

const BENCHMARKS: readonly [
  Benchmark<'kernel-writes'>,
  Benchmark<'etcd-start'>,
  Benchmark<'etcd-change'>,
  Benchmark<'etcd-join'>,
  Benchmark<'kubernetes'>,
] = [
  {
    name: 'kernel-writes',
    title: 'Writing a neighbour, a forwarding entry and a route for each peer',
    peers: [100, 1_000, 5_000, 20_000],
    head: ['peers', 'first in a process', 'again', 'ip and bridge -batch', 'ratios'],
    rows: ({ peers, first, again, batch }) => [
      [`${peers}`, ms(first), ms(again), ms(batch), `${ratio(first, batch)}, ${ratio(again, batch)}`],
    ],
  },
  {
    name: 'etcd-start',
    title: 'selvedged joins a network in etcd, from the start of the process; medians',
    peers: [2, 1_000, 5_000, 20_000, 65_000],
    head: ['peers', ...START_HEAD],
    rows: (measured) => [[`${measured.peers}`, ...startCells(measured, measured.batch)]],
  },
  {
    name: 'etcd-change',
    title: "One peer's lease put or deleted in etcd, until the kernel tells of the route",
    peers: [5_000],
    head: ['peers', 'changes', 'p50', 'p99', "etcd's own answer: p50", 'p99'],
    rows: ({ peers, changes, p50, p99, etcdP50, etcdP99 }) => [
      [`${peers}`, `${changes}`, ms(p50), ms(p99), ms(etcdP50), ms(etcdP99)],
    ],
  },
  {
    name: 'etcd-join',
    title: 'Requests to etcd from the start until in sync',
    peers: [2, 5_000],
    head: ['peers', 'requests'],
    rows: ({ peers, requests }) => {
      const counts = Object.entries(requests).map(([method, count]) => `${count} ${method}`)
      return [[`${peers}`, counts.join(', ')]]
    },
  },
  {
    name: 'kubernetes',
    title: 'selvedged joins a Kubernetes cluster, from the start of the process; medians',
    peers: [5_000, 15_000],
    head: ['peers', 'kB a node', 'access by', ...START_HEAD],
    rows: ({ peers, nodeSize, pod, kubeconfig, batch }) =>
      Object.entries({ 'service account': pod, kubeconfig }).map(([access, measured]) => [
        `${peers}`,
        (nodeSize / 1000).toFixed(1),
        access,
        ...startCells(measured, batch),
      ]),
  },
]

/** The largest sizes take minutes, most of it for etcd and `ip -batch` to be filled. */
const QUICK = 5_000

async function run<N extends MeasurementName>(benchmark: Benchmark<N>): Promise<readonly Measured<N>[]> {
  const rows: Measured<N>[] = []
  for (const peers of benchmark.peers.filter((count) => !flags.quick || count <= QUICK)) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${benchmark.name} ${peers} …`)
    rows.push(await measure(benchmark.name, peers))
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  if (!flags.json) {
    const lines = table([benchmark.head, ...rows.flatMap(benchmark.rows)])
    process.stdout.write(`${benchmark.title}\n${lines.map((line) => `  ${line}\n`).join('')}\n`)
  }
  return rows
}

const chosen = BENCHMARKS.filter(({ name }) => flags.only === undefined || flags.only === name)
if (chosen.length === 0) {
  const names = BENCHMARKS.map(({ name }) => name).join(', ')
  process.stderr.write(`There is no benchmark '${flags.only}'. There are: ${names}.\n`)
  process.exit(2)
}
const results: Record<string, unknown> = {}
for (const benchmark of chosen) {
  if (benchmark.name === 'kubernetes' && findKubernetes() === undefined) {
    process.stderr.write(`Kubernetes was not measured, for want of an API server: ${remedy}.\n`)
    if (flags.only !== undefined) process.exitCode = 1
    continue
  }
  results[benchmark.name] = await run(benchmark as Benchmark<MeasurementName>)
}
if (flags.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
