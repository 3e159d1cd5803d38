import type { Stretch } from '@selvedge/lab'
import type { BenchmarkName, Measured, MeasurementInput } from './measurements.js'
import type { Starts } from './starts.js'
import { FLOW_CONTROL, type RequestCounts } from './store/types.js'
import { megabytes, ms, ratio } from './text.js'
import { FLANNELD_PROXY } from './throughput-names.js'

/** What a command line says besides which to measure. */
export interface BenchmarkOptions {
  /** The path of a flanneld to measure beside ours. */
  readonly flanneld: string | undefined
}

/** One table: a measurement, repeated with different numbers, of peers in most. */
export interface Benchmark<N extends BenchmarkName> {
  readonly name: N
  readonly title: string
  readonly sizes: readonly number[]
  readonly head: readonly string[]
  /** What is measured with one of `sizes`: that number, unless this says otherwise. */
  readonly input?: (size: number, options: BenchmarkOptions) => MeasurementInput<N>
  readonly rows: (measured: Measured<N>) => readonly (readonly string[])[]
}

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
  const { starts, subnetEnvMs, inSyncMs, cpuMs, peakMemory } = measured
  const times = [ms(subnetEnvMs), ms(inSyncMs), ms(cpuMs)]
  return [`${starts}`, ...times, megabytes(peakMemory), ms(batch), ratio(inSyncMs, batch)]
}

/** A row for each store, beside the first one's. */
const besideFirst = <T>(stores: readonly T[], row: (one: T, first: T) => readonly string[]) =>
  stores.map((one) => row(one, stores[0] ?? one))

/** HTTP/2 has flow control below etcd's requests; in NATS it is messages, which nobody waits for. */
const waitedFor = (requests: RequestCounts): number =>
  Object.entries(requests).reduce((total, [kind, count]) => total + (kind === FLOW_CONTROL ? 0 : count), 0)

export const BENCHMARKS: readonly [
  Benchmark<'kernel-writes'>,
  Benchmark<'resync'>,
  Benchmark<'probes'>,
  Benchmark<'pages'>,
  Benchmark<'dashboard'>,
  Benchmark<'store-start'>,
  Benchmark<'store-change'>,
  Benchmark<'store-join'>,
  Benchmark<'store-rest'>,
  Benchmark<'kubernetes'>,
  Benchmark<'traffic-rules'>,
  Benchmark<'throughput'>,
  Benchmark<'cni'>,
  Benchmark<'boot'>,
  Benchmark<'backend-changes'>,
] = [
  {
    name: 'kernel-writes',
    title: 'Writing a neighbour, an fdb entry and a route for each peer',
    sizes: [100, 1_000, 5_000, 20_000],
    head: ['peers', 'first in a process', 'again', 'ip and bridge -batch', 'ratios'],
    rows: ({ peers, first, again, batch }) => [
      [`${peers}`, ms(first), ms(again), ms(batch), `${ratio(first, batch)}, ${ratio(again, batch)}`],
    ],
  },
  {
    name: 'resync',
    title: 'Looking whether all is well, and how long that keeps anything else waiting',
    sizes: [5_000, 20_000, 65_000],
    head: ['peers', 'resync', 'longest wait'],
    rows: ({ peers, resyncMs, longestWaitMs }) => [[`${peers}`, ms(resyncMs), ms(longestWaitMs)]],
  },
  {
    name: 'probes',
    title: 'Probing peers that all answer and ask, 20 s',
    sizes: [50, 5_000],
    head: ['peers', 'each probed every', 'CPU, of one core'],
    rows: ({ peers, intervalMs, cpuShare }) => [
      [`${peers}`, `${(intervalMs / 1000).toFixed(1)} s`, `${(cpuShare * 100).toFixed(2)} %`],
    ],
  },
  {
    name: 'pages',
    title:
      'Pages of selvedge on a host with an agent, a process for each, medians of three; and its dashboard',
    sizes: [50, 5_000],
    head: ['peers', 'page', 'time', 'of --version', 'lines', 'kB'],
    rows: ({ peers, pages, dashboard: { openMs, openBytes, openShare } }) => {
      const least = pages[0]?.ms ?? Number.NaN
      const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(0)
      return [
        ...pages.map(({ command, ms: time, lines, bytes }) => [
          `${peers}`,
          command,
          ms(time),
          ratio(time, least),
          `${lines}`,
          kilobytes(bytes),
        ]),
        [`${peers}`, 'dashboard, to open it, compressed', ms(openMs), '', '', kilobytes(openBytes)],
        [`${peers}`, `dashboard, open: ${(openShare * 100).toFixed(1)} % of a core`, '', '', '', ''],
      ]
    },
  },
  {
    name: 'dashboard',
    title: 'The dashboard in Chromium, of an agent with so many leases in etcd that probes them all',
    sizes: [50, 5_000],
    head: [
      'peers',
      'first paint',
      'all peers',
      'a key in the filter',
      'longest',
      'sorted',
      'next page',
      'longest frame, scrolled',
      'a changed lease',
      "browser's main thread, open",
      'plan',
      'scripts, MB',
      'elements',
    ],
    rows: (cost) => [
      [
        `${cost.peers}`,
        ms(cost.firstPaintMs),
        ms(cost.peersMs),
        ms(cost.keyMs),
        ms(cost.longestKeyMs),
        ms(cost.sortMs),
        ms(cost.pageMs),
        ms(cost.longestFrameMs),
        ms(cost.updateMs),
        `${(cost.idleShare * 100).toFixed(1)} %`,
        ms(cost.planMs),
        (cost.heapBytes / 1e6).toFixed(1),
        `${cost.elements}`,
      ],
    ],
  },
  {
    name: 'store-start',
    title:
      'selvedged joins a network in etcd and one in NATS, in turn, from the start of the process; medians, and beside those of etcd',
    sizes: [2, 1_000, 5_000, 20_000, 65_000],
    head: ['peers', 'store', ...START_HEAD, "of etcd's time", 'CPU', 'memory'],
    rows: (stores) =>
      besideFirst(stores, (measured, etcd) => [
        `${measured.peers}`,
        measured.store,
        ...startCells(measured, measured.batch),
        ratio(measured.inSyncMs, etcd.inSyncMs),
        ratio(measured.cpuMs, etcd.cpuMs),
        ratio(measured.peakMemory, etcd.peakMemory),
      ]),
  },
  {
    name: 'store-change',
    title: "One peer's lease put or deleted in a store, until the kernel's notification of the route",
    sizes: [5_000, 20_000],
    head: [
      'peers',
      'store',
      'changes',
      'p50',
      'p99',
      "the store's own answer: p50",
      'p99',
      "of etcd's: p50",
      'p99',
    ],
    rows: (stores) =>
      besideFirst(stores, ({ peers, store, changes, p50, p99, answerP50, answerP99 }, etcd) => [
        `${peers}`,
        store,
        `${changes}`,
        ...[p50, p99, answerP50, answerP99].map(ms),
        ratio(p50, etcd.p50),
        ratio(p99, etcd.p99),
      ]),
  },
  {
    name: 'store-join',
    title:
      'Requests to a store from the start until in sync and watching; acknowledgements of flow control not counted',
    sizes: [2, 5_000, 20_000],
    head: ['peers', 'store', 'requests', "of etcd's", 'kinds'],
    rows: (stores) =>
      besideFirst(stores, ({ peers, store, requests }, etcd) => [
        `${peers}`,
        store,
        `${waitedFor(requests)}`,
        ratio(waitedFor(requests), waitedFor(etcd.requests)),
        Object.entries(requests)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(', '),
      ]),
  },
  {
    name: 'store-rest',
    title: 'A minute at rest, with so many leases in a store that do not change',
    sizes: [5_000, 20_000],
    head: ['peers', 'store', 'CPU, of one core', 'memory', "of etcd's: CPU", 'memory'],
    rows: (stores) =>
      besideFirst(stores, ({ peers, store, cpuShare, memory }, etcd) => [
        `${peers}`,
        store,
        `${(cpuShare * 100).toFixed(2)} %`,
        megabytes(memory),
        ratio(cpuShare, etcd.cpuShare),
        ratio(memory, etcd.memory),
      ]),
  },
  {
    name: 'kubernetes',
    title: 'selvedged joins a Kubernetes cluster, from the start of the process; medians',
    sizes: [5_000, 15_000],
    head: ['peers', 'kB a node', 'access by', ...START_HEAD],
    rows: ({ peers, nodeSize, pod, kubeconfig, batch }) =>
      Object.entries({ 'service account': pod, kubeconfig }).map(([access, measured]) => [
        `${peers}`,
        (nodeSize / 1000).toFixed(1),
        access,
        ...startCells(measured, batch),
      ]),
  },
  {
    name: 'traffic-rules',
    title: 'Traffic rules of both families, and a minute at rest with a resync each 5 s; medians',
    sizes: [0, 100],
    head: ['tool', 'exceptions', 'in place', 'changed', 'CPU at rest', 'of what flanneld runs'],
    rows: (costs) =>
      costs.map(({ tool, exceptions, startMs, changeMs, restCpuMs, flanneldRestCpuMs }) => [
        tool,
        `${exceptions}`,
        ms(startMs),
        ms(changeMs),
        ms(restCpuMs),
        tool === 'nftables' ? 'it never looks' : ms(flanneldRestCpuMs),
      ]),
  },
  {
    name: 'throughput',
    title: 'One TCP stream from a pod to a pod on another host, each backend in turn; medians of five',
    sizes: [5],
    input: (rounds, { flanneld }) => ({ rounds, flanneld }),
    head: [
      'by',
      'Gbit/s',
      "of flanneld's proxy",
      'retransmits',
      'CPU of the machine, s/GB',
      'longest wait in the main thread',
      'less its wait for a processor',
    ],
    rows: (measured) => {
      const proxy = measured.find(({ name }) => name === FLANNELD_PROXY)?.tcp
      return measured.map(({ name, tcp, retransmits, cpuPerGigabyte, longestWait }) =>
        tcp === undefined
          ? [name, 'this machine lacks it', '', '', '', '', '']
          : [
              name,
              (tcp / 1e9).toFixed(2),
              proxy === undefined ? 'not measured' : ratio(tcp, proxy),
              `${retransmits}`,
              cpuPerGigabyte.toFixed(2),
              longestWait === undefined ? '' : ms(longestWait.waitMs),
              longestWait === undefined ? '' : ms(longestWait.ownMs),
            ],
      )
    },
  },
  {
    name: 'cni',
    title: 'The CNI plugin, a process for each call; medians of 20',
    sizes: [20],
    head: [
      'call',
      'Node.js',
      'flannel',
      'Node.js, an empty program',
      'bridge alone, in Go',
      'flannel / bridge',
      'ip netns exec, in each',
    ],
    rows: (costs) =>
      costs.map(({ verb, node, pluginMs, emptyMs, delegateMs, wrapperMs }) => [
        verb,
        node,
        ms(pluginMs),
        ms(emptyMs),
        `${ms(delegateMs)}${verb === 'STATUS' ? ', its VERSION' : ''}`,
        ratio(pluginMs, delegateMs),
        ms(wrapperMs),
      ]),
  },
  {
    name: 'boot',
    title:
      'A host boots with only lo, so that no store answers; then its uplink comes, in another network than before',
    sizes: [50, 1_000],
    head: [
      'leases',
      'start to subnet.env',
      "the uplink's address to its use",
      "to etcd's first answer",
      'from there to replies of all peers',
    ],
    rows: ({ leases, peers, subnetEnvMs, uplinkMs, answerMs, reachedMs }) => [
      [`${leases}`, ms(subnetEnvMs), ms(uplinkMs), ms(answerMs), `${ms(reachedMs)} (${peers})`],
    ],
  },
  {
    name: 'backend-changes',
    title:
      'A change of backend on two hosts, one agent after the other, under pings each way; of three, medians, and the worst at rest',
    sizes: [3],
    head: ['from', 'to', 'lost before', 'until the last host has changed', 'in', 'lost after that'],
    rows: (changes) =>
      changes.map(({ from, to, before, mixed, after }) => [
        from,
        to,
        lossOf(before),
        lossOf(mixed),
        ms(mixed.durationMs),
        lossOf(after),
      ]),
  },
]

const lossOf = ({ lost, sent }: Stretch): string => `${lost} of ${sent}`
