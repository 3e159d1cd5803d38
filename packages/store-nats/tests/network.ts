import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, headers as makeHeaders, type NatsConnection } from '@nats-io/transport-node'
import { ipv4Network } from '@selvedge/lab'
import { NatsSubnetManager, type NatsSubnetManagerOptions } from '@selvedge/store-nats'
import type { NatsServer } from './nats-server.js'

export { attributesOf, dualStackNetwork, ipv4Network, ipv6Network } from '@selvedge/lab'

/** How long an operator keeps trying while NATS is away, in ms. */
const PATIENCE = 20_000

let networks = 0

/** A network of its own in NATS, as its operator and its nodes see it. */
export class TestNetwork implements AsyncDisposable {
  readonly bucket: string
  /** The operator's connection. */
  readonly nc: NatsConnection
  /** Whether its leases have a bucket of their own: servers before 2.11 cannot end single keys. */
  readonly hasTwoBuckets: boolean
  readonly #options: NatsSubnetManagerOptions
  readonly #managers: NatsSubnetManager[] = []

  static async in(
    servers: readonly NatsServer[],
    config: object | 'none' = ipv4Network,
    options: Partial<NatsSubnetManagerOptions> = {},
  ): Promise<TestNetwork> {
    networks += 1
    const bucket = `network-${networks}`
    const urls = servers.map(({ url }) => url)
    const nc = await connect({
      servers: urls.map((url) => url.replace('nats://', '')),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
    })
    const network = new TestNetwork(nc, { servers: urls, ...options, bucket })
    if (config !== 'none') await network.setConfig(config)
    return network
  }

  private constructor(nc: NatsConnection, options: NatsSubnetManagerOptions & { readonly bucket: string }) {
    this.nc = nc
    // Now: the client library forgets what the server said of itself while it is not connected.
    const [major = 0, minor = 0] = (nc.info?.version ?? '').split('.').map(Number)
    this.hasTwoBuckets = major === 2 && minor < 11
    this.bucket = options.bucket
    this.#options = options
  }

  /** The bucket that leases end in. */
  get leases(): string {
    return this.hasTwoBuckets ? `${this.bucket}-leases` : this.bucket
  }

  /** @param options besides, or instead of, those of the network */
  manager(options: Partial<NatsSubnetManagerOptions> = {}): NatsSubnetManager {
    const manager = new NatsSubnetManager({ ...this.#options, ...options })
    this.#managers.push(manager)
    return manager
  }

  async setConfig(config: object): Promise<void> {
    await using manager = new NatsSubnetManager(this.#options)
    await manager.setNetworkConfig(config)
  }

  /** Writes a lease, as another node does. */
  async put(name: string, value: string): Promise<void> {
    await this.#write(name, value, this.hasTwoBuckets ? {} : { 'Nats-TTL': '3600s' })
  }

  async delete(name: string): Promise<void> {
    await this.#write(name, '', { 'KV-Operation': 'DEL' })
  }

  /** Asks JetStream itself, as the command `nats` does. */
  async api(
    subject: string,
    body: object = {},
  ): Promise<{ readonly error?: { readonly description: string } }> {
    const answer = await this.nc.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 5_000 })
    return answer.json()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const manager of this.#managers) await manager[Symbol.asyncDispose]()
    await this.nc.close()
  }

  /** Repeated until NATS, which may be coming back, answers: by its number NATS knows one that it has stored already. */
  async #write(name: string, value: string, headers: Readonly<Record<string, string>>): Promise<void> {
    const key = `$KV.${this.leases}.subnets.${name.replaceAll('&', '/').replaceAll(':', '=')}`
    const head = makeHeaders()
    head.set('Nats-Msg-Id', randomUUID())
    for (const [header, text] of Object.entries(headers)) head.set(header, text)
    const deadline = performance.now() + PATIENCE
    for (;;) {
      try {
        const answer = await this.nc.request(key, value, { timeout: 1_000, headers: head })
        const { error } = answer.json<{ readonly error?: { readonly description: string } }>()
        if (error !== undefined) throw new Error(`${key}: ${error.description}`)
        return
      } catch (error) {
        if (performance.now() > deadline) throw error
        await sleep(50)
      }
    }
  }
}
