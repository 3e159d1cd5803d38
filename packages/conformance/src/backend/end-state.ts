import {
  type Backend,
  createOverlay,
  type Driver,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  type NetworkConfig,
  parseNetworkConfig,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { decodeLease, requirementsOf, sameNode } from '@selvedge/core/kit'
import { type FakeInterface, FakeKernel } from '../fake-kernel/index.js'
import { MemoryDriver } from '../memory-driver.js'

/** A host, and what its store holds. */
export interface EndStateOptions {
  /** The host's one interface. Its addresses are what the store knows the node by. */
  readonly host: FakeInterface
  /** The network config as flannel writes it. */
  readonly config: object
  /** Every lease, this node's own among them: values by keys, as flannel writes both. */
  readonly leases: Readonly<Record<string, object>>
}

const COMMANDS: Readonly<Record<string, string>> = {
  link: 'ip -d link',
  address: 'ip addr',
  route: 'ip route',
  neighbour: 'ip neigh',
  fdb: 'bridge fdb',
}

const KERNELS_OWN = /^fe80::\S+\/64 dev | proto kernel\b/

/**
 * Runs an overlay with `backend` on a fake kernel until it is in sync, and returns all that it has added there: a
 * section for each of `ip -d link`, `ip addr`, `ip route`, `ip neigh` and `bridge fdb` that has something to print, a
 * line for each thing. What the kernel adds by itself (connected routes, link-local addresses) is left out.
 *
 * What the backend's own drivers would hold is held in memory instead, and printed as a section of its kind: a line of
 * JSON for each resource, without what its key says already.
 *
 * For tests that compare a whole end state with a text that a network engineer can check by eye. Errors that the
 * overlay reports are the last section, `reported`.
 */
export async function endState(backend: Backend, { host, config, leases }: EndStateOptions): Promise<string> {
  const kernel = new FakeKernel({
    interfaces: [host],
    linkTypes: requirementsOf(backend, parseNetworkConfig(config)),
  })
  const before = new Set(kernel.toText().split('\n'))
  const reported: string[] = []
  const memories: MemoryDriver[] = []
  const inMemory = (driver: Driver): Driver => {
    const memory = new MemoryDriver(driver)
    memories.push(memory)
    return memory
  }
  const overlay = createOverlay({
    subnets: new FixedLeases(config, leases),
    backend: { ...backend, drivers: (context) => (backend.drivers?.(context) ?? []).map(inMemory) },
    drivers: [kernel.driver()],
  })
  overlay.on('error', ({ code, message }) => reported.push(`${code}: ${message}`))
  try {
    await overlay.start()
    await overlay.whenInSync()
  } finally {
    await overlay.stop()
  }
  const added = sections(kernel.toText()).map(({ title, lines }) => ({
    title: COMMANDS[title] ?? title,
    lines: lines.filter((line) => !before.has(line) && !KERNELS_OWN.test(line)),
  }))
  const others = memories.flatMap(heldIn)
  return [...added, ...others, { title: 'reported', lines: reported }]
    .filter(({ lines }) => lines.length > 0)
    .map(({ title, lines }) => [`# ${title}`, ...lines, ''].join('\n'))
    .join('')
}

interface Section {
  readonly title: string
  readonly lines: readonly string[]
}

function sections(text: string): readonly Section[] {
  return text
    .split(/^# /m)
    .slice(1)
    .map((section) => {
      const [title = '', ...lines] = section.trimEnd().split('\n')
      return { title, lines }
    })
}

/** A store in which nothing ever changes but what this node publishes. */
class FixedLeases implements SubnetManager {
  readonly name = 'etcd'
  readonly #config: NetworkConfig
  readonly #leases: readonly Lease[]

  constructor(config: object, leases: Readonly<Record<string, object>>) {
    this.#config = parseNetworkConfig(config)
    this.#leases = Object.entries(leases).map(([key, value]) => decodeLease(key, JSON.stringify(value)))
  }

  async getNetworkConfig(): Promise<NetworkConfig> {
    return this.#config
  }

  async acquireLease({ attributes, adopt }: LeaseRequest): Promise<Lease> {
    const held = this.#leases.find((lease) => sameNode(lease.attributes, attributes))
    if (held === undefined)
      throw new TypeError('none of the leases is of a node with the address of the host')
    return { ...held, attributes: adopt?.(held) ?? attributes }
  }

  async renewLease(lease: Lease): Promise<Lease> {
    return lease
  }

  async releaseLease(): Promise<void> {}

  async *watchLeases({ signal }: WatchOptions): AsyncGenerator<LeaseEvent> {
    yield { type: 'snapshot', leases: this.#leases }
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A section for each kind, a line for each resource. */
function heldIn({ kinds, resources }: MemoryDriver): readonly Section[] {
  return kinds.map((title) => ({
    title,
    lines: resources
      .filter(({ kind }) => kind === title)
      .map(({ kind, key, ...fields }) => `${key} ${JSON.stringify(fields)}`)
      .sort(),
  }))
}
