import { type JetStreamClient, jetstream } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import { type Lease, leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { NatsSubnetManager } from '@selvedge/store-nats'
import { SERVER } from './nats.js'
import { FLOW_CONTROL, type RequestCounts, type StoreClient } from './types.js'

/** How many writes are on their way at once. */
const WINDOW = 1_000

/** Whatever clients publish but answers: requests to JetStream, writes, and what keeps a delivery flowing. */
const REQUESTS = ['$JS.API.>', '$KV.>', '$JS.FC.>']

/** Writes as an agent does. */
export class NatsClient implements StoreClient {
  readonly #nc: NatsConnection
  readonly #js: JetStreamClient
  /** From NATS 2.11 on a key has an end of its own. Before, the bucket of the leases has one for all. */
  readonly #hasTtlPerKey: boolean

  static async connect(): Promise<NatsClient> {
    return new NatsClient(await connect({ servers: SERVER }))
  }

  private constructor(nc: NatsConnection) {
    this.#nc = nc
    this.#js = jetstream(nc)
    const [major = 0, minor = 0] = (nc.info?.version ?? '').split('.').map(Number)
    this.#hasTtlPerKey = major > 2 || minor >= 11
  }

  async load(config: object, leases: readonly Lease[]): Promise<void> {
    const store = new NatsSubnetManager({ servers: [SERVER] })
    await store.setNetworkConfig(config)
    await store[Symbol.asyncDispose]()
    for (let from = 0; from < leases.length; from += WINDOW) {
      await Promise.all(leases.slice(from, from + WINDOW).map((lease) => this.put(lease)))
    }
  }

  put(lease: Lease): Promise<void> {
    return this.#publish(lease, encodeLeaseAttributes(lease.attributes))
  }

  delete(lease: Lease): Promise<void> {
    return this.#publish(lease, '')
  }

  /** By subject, as far as it says what is asked for. */
  async count(): Promise<() => Promise<RequestCounts>> {
    const counts: Record<string, number> = {}
    const callback = (_: Error | null, { subject }: { readonly subject: string }): void => {
      const kind = kindOf(subject)
      counts[kind] = (counts[kind] ?? 0) + 1
    }
    for (const subject of REQUESTS) this.#nc.subscribe(subject, { callback })
    await this.#nc.flush()
    return async () => {
      await this.#nc.flush()
      return { ...counts }
    }
  }

  close(): Promise<void> {
    return this.#nc.close()
  }

  /** @param text empty to delete the lease */
  async #publish(lease: Lease, text: string): Promise<void> {
    const bucket = this.#hasTtlPerKey ? 'selvedge' : 'selvedge-leases'
    const head = headers()
    if (text === '') head.set('KV-Operation', 'DEL')
    await this.#js.publish(`$KV.${bucket}.subnets.${leaseKey(lease)}`, text, {
      headers: head,
      ...(this.#hasTtlPerKey && { ttl: '24h' }),
    })
  }
}

/** `$JS.API.STREAM.INFO.KV_selvedge` is STREAM.INFO, `$KV.selvedge.config` a write. */
function kindOf(subject: string): string {
  if (subject.startsWith('$KV.')) return 'write'
  if (subject.startsWith('$JS.FC.')) return FLOW_CONTROL
  return subject.split('.').slice(2, 4).join('.')
}
