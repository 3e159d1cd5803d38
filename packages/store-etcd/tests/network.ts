import { setTimeout as sleep } from 'node:timers/promises'
import { ipv4Network } from '@selvedge/lab'
import { EtcdSubnetManager, type EtcdSubnetManagerOptions } from '@selvedge/store-etcd'
import { noop } from 'cockatiel'
import { Etcd3 } from 'etcd3'

export { attributesOf, dualStackNetwork, ipv4Network, ipv6Network } from '@selvedge/lab'

/** How long an administrator keeps trying while etcd is away, in ms. */
const PATIENCE = 20_000

let networks = 0

/** A network of its own in etcd, as its administrator and its nodes see it. */
export class TestNetwork implements AsyncDisposable {
  readonly admin: Etcd3
  readonly prefix: string
  readonly #endpoints: readonly string[]
  readonly #managers: EtcdSubnetManager[] = []

  static async in(endpoints: readonly string[], config: object | 'none' = ipv4Network): Promise<TestNetwork> {
    networks += 1
    const admin = new Etcd3({
      hosts: [...endpoints],
      faultHandling: { host: () => noop, global: noop },
    })
    const network = new TestNetwork(admin, `/network-${networks}`, endpoints)
    if (config !== 'none') await network.setConfig(config)
    return network
  }

  private constructor(admin: Etcd3, prefix: string, endpoints: readonly string[]) {
    this.admin = admin
    this.prefix = prefix
    this.#endpoints = endpoints
  }

  manager(options: Partial<EtcdSubnetManagerOptions> = {}): EtcdSubnetManager {
    const endpoints = options.client === undefined ? this.#endpoints : undefined
    const manager = new EtcdSubnetManager({ endpoints, prefix: this.prefix, ...options })
    this.#managers.push(manager)
    return manager
  }

  async setConfig(config: object | string): Promise<void> {
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    await insist(() => this.admin.put(`${this.prefix}/config`).value(text).exec())
  }

  /** Writes below `subnets/`, on etcd lease `lease` if one is given. */
  async put(key: string, value: string, lease = '0'): Promise<void> {
    const name = Buffer.from(`${this.prefix}/subnets/${key}`)
    await insist(() => this.admin.kv.put({ key: name, value: Buffer.from(value), lease }))
  }

  async delete(key: string): Promise<void> {
    await insist(() => this.admin.delete().key(`${this.prefix}/subnets/${key}`).exec())
  }

  /**
   * The keys below the prefix except the config, with values and etcd leases.
   * @param client one whose endpoints are all alive
   */
  async contents(client = this.admin): Promise<{ key: string; value: string; lease: string }[]> {
    const { kvs } = await client.getAll().prefix(`${this.prefix}/`).exec()
    return kvs
      .map(({ key, value, lease }) => ({
        key: key.toString().slice(this.prefix.length),
        value: value.toString(),
        lease: lease,
      }))
      .filter(({ key }) => key !== '/config')
  }

  async etcdLeases(): Promise<readonly string[]> {
    return (await this.admin.leaseClient.leaseLeases()).leases.map(({ ID }) => ID)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const manager of this.#managers) await manager[Symbol.asyncDispose]()
    this.admin.close()
  }
}

/** Repeats an administrator's write until etcd, which may be coming back, takes it. */
async function insist<T>(write: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(50)
    }
  }
}
