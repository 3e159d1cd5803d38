import { hostGw } from '@selvedge/backend-hostgw'
import { udp } from '@selvedge/backend-udp'
import { vxlan } from '@selvedge/backend-vxlan'
import { type Backend, createOverlay } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { Lab, type Pod, pingUntilReached, until } from '@selvedge/lab'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { startFlanneldPair } from './flanneld-pair.js'
import { longestWait } from './longest-wait.js'
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
  /** In bits a second; medians. */
  readonly tcp: number
  /**
   * The longest time that a timer of 1 ms took in the main thread while packets flowed, of all rounds, in ms. The
   * overlays of both hosts are in it. Absent for another program's.
   */
  readonly longestWaitMs: number | undefined
}

interface Contender extends AsyncDisposable {
  readonly name: string
  readonly pods: readonly [Pod, Pod]
  readonly isOurs: boolean
}

const NETWORK = '10.244.0.0/16'
const SECONDS = 3

export async function measureThroughput(
  { rounds, flanneld }: ThroughputInput,
  signal: AbortSignal,
): Promise<readonly Throughput[]> {
  await using stack = new Opened()
  const makers: (() => Promise<Contender>)[] = [
    () => overlays('udp', (namespace) => udp({ namespace }), signal),
    ...(flanneld === undefined ? [] : [() => flanneldProxy(flanneld, signal)]),
    () => overlays('vxlan', () => vxlan(), signal),
    () => overlays('host-gw', () => hostGw(), signal),
  ]
  const measured: { readonly contender: Contender; readonly tcp: number[]; waitMs: number }[] = []
  for (const make of makers) {
    measured.push({ contender: stack.use(await make()), tcp: [], waitMs: 0 })
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const result of measured) {
      const stream = tcpStream(result.contender.pods)
      result.waitMs = Math.max(result.waitMs, await longestWait(stream))
      result.tcp.push(await stream)
    }
  }
  return measured.map(({ contender: { name, isOurs }, tcp, waitMs }) => ({
    name,
    tcp: median(tcp),
    longestWaitMs: isOurs ? waitMs : undefined,
  }))
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

/** Bits a second, as received. */
async function tcpStream([from, to]: readonly [Pod, Pod]): Promise<number> {
  const args = ['--client', `${to.addresses[0]}`, '--time', `${SECONDS}`, '--json']
  const { end } = JSON.parse(await from.exec('iperf3', args, { timeoutMs: (SECONDS + 20) * 1000 }))
  return end.sum_received.bits_per_second
}

/** An overlay of this process's on each of two hosts. */
async function overlays(
  type: string,
  backendIn: (namespace: string) => Backend,
  signal: AbortSignal,
): Promise<Contender> {
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
          backend: backendIn(namespace),
          drivers: [linux({ namespace })],
        }),
      )
      await overlay.start({ signal })
      pods.push(await host.addPod({ subnets: [`${overlay.lease.subnet}`], mtu: overlay.mtu }))
    }
    return await contender(type, pods, true, stack)
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

async function flanneldProxy(program: string, signal: AbortSignal): Promise<Contender> {
  const stack = new Opened()
  try {
    const lab = stack.use(await Lab.create({ hosts: 2, signal }))
    const config = { Network: NETWORK, Backend: { Type: 'udp' } }
    return await contender(FLANNELD_PROXY, await startFlanneldPair(lab, program, config), false, stack)
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

async function contender(
  name: string,
  pods: readonly Pod[],
  isOurs: boolean,
  stack: Opened,
): Promise<Contender> {
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
  return { name, pods: [from, to], isOurs, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
}
