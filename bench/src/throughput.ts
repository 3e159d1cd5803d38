import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostGw } from '@selvedge/backend-hostgw'
import { ipip } from '@selvedge/backend-ipip'
import { udp } from '@selvedge/backend-udp'
import { vxlan } from '@selvedge/backend-vxlan'
import { wireguard } from '@selvedge/backend-wireguard'
import { type Backend, type BackendLoader, createOverlay, isOverlayError } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { type Host, Lab, type Pod, pingUntilReached, until } from '@selvedge/lab'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { startFlanneldPair } from './flanneld-pair.js'
import { type LongestWait, longestWait } from './longest-wait.js'
import { median } from './median.js'
import { FLANNELD_PROXY } from './throughput-names.js'

export interface ThroughputInput {
  /** How often each is measured, in turn with the others. */
  readonly rounds: number
  /** The path of a flanneld, to measure its udp backend's proxy. */
  readonly flanneld: string | undefined
}

/** One TCP stream from a pod on one host to a pod on another. */
export interface Throughput {
  readonly name: string
  /** In bits a second; a median. Undefined if this machine lacks what it takes. */
  readonly tcp: number | undefined
  /** Segments that were sent again; a median. */
  readonly retransmits: number
  /** Of all that runs on this machine meanwhile, in seconds of a processor for each gigabyte; a median. */
  readonly cpuPerGigabyte: number
  /**
   * The longest time that a timer of 1 ms took in the main thread while packets flowed, of all rounds, in ms. The
   * overlays of both hosts are in it. Absent for another program's.
   */
  readonly longestWait: LongestWait | undefined
}

interface Contender extends AsyncDisposable {
  readonly pods: readonly [Pod, Pod]
  readonly isOurs: boolean
}

const NETWORK = '10.244.0.0/16'
const SECONDS = 2

export async function measureThroughput(
  { rounds, flanneld }: ThroughputInput,
  signal: AbortSignal,
): Promise<readonly Throughput[]> {
  await using stack = new Opened()
  const backends: Readonly<Record<string, (host: Host, lab: Lab) => Backend | BackendLoader>> = {
    udp: ({ namespace }) => udp({ namespace: `/run/netns/${namespace}` }),
    vxlan: () => vxlan(),
    'host-gw': () => hostGw(),
    ipip: () => ipip(),
    wireguard: ({ name, namespace }, { directory }) => {
      const socketDirectory = join(directory, name)
      return wireguard({ keyFile: join(socketDirectory, 'wgkey'), socketDirectory, namespace })
    },
  }
  const measured: Measured[] = []
  for (const [type, backendOf] of Object.entries(backends)) {
    measured.push({
      name: type,
      contender: await overlays(type, backendOf, signal, stack),
      streams: [],
      waits: [],
    })
    if (type !== 'udp' || flanneld === undefined) continue
    const proxy = stack.use(await flanneldProxy(flanneld, signal))
    measured.push({ name: FLANNELD_PROXY, contender: proxy, streams: [], waits: [] })
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const result of measured) {
      if (result.contender === undefined) continue
      const stream = tcpStream(result.contender.pods)
      result.waits.push(await longestWait(stream))
      result.streams.push(await stream)
    }
  }
  return measured.map(({ name, contender, streams, waits }) => {
    const middle = (count: (stream: Stream) => number): number => median(streams.map(count))
    return {
      name,
      tcp: contender && middle(({ bitsPerSecond }) => bitsPerSecond),
      retransmits: contender ? middle(({ retransmits }) => retransmits) : 0,
      cpuPerGigabyte: contender ? middle(({ cpuPerGigabyte }) => cpuPerGigabyte) : 0,
      longestWait: contender?.isOurs
        ? {
            waitMs: Math.max(...waits.map(({ waitMs }) => waitMs)),
            ownMs: Math.max(...waits.map(({ ownMs }) => ownMs)),
          }
        : undefined,
    }
  })
}

interface Measured {
  readonly name: string
  /** Absent if this machine lacks what it takes. */
  readonly contender: Contender | undefined
  readonly streams: Stream[]
  readonly waits: LongestWait[]
}

interface Stream {
  /** As received. */
  readonly bitsPerSecond: number
  readonly retransmits: number
  readonly cpuPerGigabyte: number
}

/** What is to be disposed of, the last first. */
class Opened implements AsyncDisposable {
  readonly #opened: AsyncDisposable[] = []

  use<T extends AsyncDisposable>(opened: T): T {
    this.#opened.push(opened)
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened.splice(0).reverse()) await opened[Symbol.asyncDispose]()
  }
}

async function tcpStream([from, to]: readonly [Pod, Pod]): Promise<Stream> {
  const before = await busySeconds()
  const args = ['--client', `${to.addresses[0]}`, '--time', `${SECONDS}`, '--json']
  const { end } = JSON.parse(await from.exec('iperf3', args, { timeoutMs: (SECONDS + 20) * 1000 }))
  const busy = (await busySeconds()) - before
  return {
    bitsPerSecond: end.sum_received.bits_per_second,
    retransmits: end.sum_sent.retransmits,
    cpuPerGigabyte: busy / (end.sum_received.bytes / 1e9),
  }
}

/** For how long all processors together have not been idle, since the machine started. proc(5), /proc/stat. */
async function busySeconds(): Promise<number> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n')
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/ +/).slice(1).map(Number)
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
}

/** USER_HZ, on every architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100

/** An overlay of this process's on each of two hosts; undefined if this machine lacks what the backend requires. */
async function overlays(
  type: string,
  backendOf: (host: Host, lab: Lab) => Backend | BackendLoader,
  signal: AbortSignal,
  outer: Opened,
): Promise<Contender | undefined> {
  const stack = new Opened()
  try {
    const lab = stack.use(await Lab.create({ hosts: 2, signal }))
    const store = new MemoryStore({ config: { Network: NETWORK, Backend: { Type: type } } })
    const pods: Pod[] = []
    for (const host of lab.hosts) {
      const namespace = `/run/netns/${host.namespace}`
      const overlay = stack.use(
        createOverlay({
          subnets: new MemorySubnetManager(store),
          backend: backendOf(host, lab),
          drivers: [linux({ namespace })],
        }),
      )
      await overlay.start({ signal })
      pods.push(await host.addPod({ subnets: [`${overlay.lease.subnet}`], mtu: overlay.mtu }))
    }
    return outer.use(await contender(pods, true, stack))
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    if (isOverlayError(error, 'UNSUPPORTED')) return undefined
    throw error
  }
}

async function flanneldProxy(program: string, signal: AbortSignal): Promise<Contender> {
  const stack = new Opened()
  try {
    const lab = stack.use(await Lab.create({ hosts: 2, signal }))
    const config = { Network: NETWORK, Backend: { Type: 'udp' } }
    return await contender(await startFlanneldPair(lab, program, config), false, stack)
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

async function contender(pods: readonly Pod[], isOurs: boolean, stack: Opened): Promise<Contender> {
  const [from, to] = pods
  if (from === undefined || to === undefined) throw new RangeError('two pods are needed')
  await pingUntilReached(from, `${to.addresses[0]}`)
  const server = to.spawn('iperf3', ['--server', '--forceflush'])
  server.stderr.resume()
  let said = ''
  server.stdout.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  await until('iperf3 to listen', () => said.includes('Server listening') || undefined)
  return { pods: [from, to], isOurs, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
}
