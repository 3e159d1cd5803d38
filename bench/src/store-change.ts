import { createInterface } from 'node:readline'
import { KernelMonitor, until } from '@selvedge/lab'
import { type Agent, IN_SYNC } from './agent.js'
import { percentile } from './median.js'
import { peerLease } from './peers.js'
import { StoreLab, type StoreNetwork } from './store/lab.js'
import { STORE_NAMES } from './store/server.js'

/** How soon a lease's put or delete in a store becomes a route's change in the kernel. Milliseconds. */
export interface StoreChange {
  readonly peers: number
  /** Name and version. */
  readonly store: string
  readonly changes: number
  /** From the request to the store until the kernel's notification of the route. */
  readonly p50: number
  readonly p99: number
  /** From the request to the store until its answer: this much of it is the store's own. */
  readonly answerP50: number
  readonly answerP99: number
}

const CHANGES = 300

/** A change of each store in turn: each is requested after the kernel's notification of the one before. */
export async function measureStoreChange(
  peers: number,
  signal: AbortSignal,
): Promise<readonly StoreChange[]> {
  await using lab = await StoreLab.create(STORE_NAMES, peers, signal)
  const changers: Changer[] = []
  for (const network of lab.networks) changers.push(await Changer.start(network))
  for (let change = 0; change < CHANGES; change += 1) {
    for (const changer of changers) await changer.change()
  }
  for (const changer of changers) await changer.stop()
  return changers.map((changer) => changer.measured(peers))
}

/** An agent whose store is changed by a client beside it. */
class Changer {
  readonly #network: StoreNetwork
  readonly #agent: Agent
  readonly #monitor: KernelMonitor
  readonly #client: ReturnType<StoreNetwork['startClient']>
  /** What the client has printed for each change. */
  readonly #lines: string[] = []
  /** How many of the monitor's events were looked at. */
  #read = 0
  readonly #delays: number[] = []
  readonly #answers: number[] = []

  static async start(network: StoreNetwork): Promise<Changer> {
    const agent = network.startAgent()
    await agent.logged(IN_SYNC)
    const monitor = await KernelMonitor.start(network.host)
    const client = network.startClient('change', CHANGES)
    client.stderr.pipe(process.stderr)
    const changer = new Changer(network, agent, monitor, client)
    await changer.#line(0)
    return changer
  }

  private constructor(
    network: StoreNetwork,
    agent: Agent,
    monitor: KernelMonitor,
    client: ReturnType<StoreNetwork['startClient']>,
  ) {
    this.#network = network
    this.#agent = agent
    this.#monitor = monitor
    this.#client = client
    createInterface(client.stdout).on('line', (line) => this.#lines.push(line))
  }

  async change(): Promise<void> {
    this.#client.kill('SIGUSR2')
    const notified = await this.#notification()
    const { requested, answered } = JSON.parse(await this.#line(this.#delays.length + 1))
    this.#delays.push(notified - requested)
    this.#answers.push(answered - requested)
  }

  measured(peers: number): StoreChange {
    const [delays, answers] = [this.#delays, this.#answers]
    return {
      peers,
      store: this.#network.title,
      changes: delays.length,
      p50: percentile(delays, 0.5),
      p99: percentile(delays, 0.99),
      answerP50: percentile(answers, 0.5),
      answerP99: percentile(answers, 0.99),
    }
  }

  async stop(): Promise<void> {
    await this.#monitor[Symbol.asyncDispose]()
    await this.#agent.stop()
  }

  /** When the kernel says that the route to the newcomer has changed. */
  #notification(): Promise<number> {
    const { subnet } = peerLease(65_000)
    const look = (): number | undefined => {
      const { events } = this.#monitor
      while (this.#read < events.length) {
        const { text = '', time = Number.NaN } = events[this.#read] ?? {}
        this.#read += 1
        if (text.replace('Deleted ', '').startsWith(`${subnet} `)) return time
      }
      return undefined
    }
    return until("the kernel's notification of a change", look, { intervalMs: 1 })
  }

  #line(index: number): Promise<string> {
    return until('the client to print a line', () => this.#lines[index], { intervalMs: 1 })
  }
}
