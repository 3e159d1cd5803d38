import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { bridge, Host } from './host.js'
import { Namespace } from './namespace.js'
import { run } from './run.js'
import { deleteNamespaces, labDirectory, listNamespaces, nextLabName, sweep } from './sweep.js'

export interface LabOptions {
  /** How many hosts to begin with. Default: 3. */
  hosts?: number
  /** Whether the hosts have IPv4 addresses, 192.168.77.0/24. Default: true. */
  ipv4?: boolean
  /** Whether the hosts have IPv6 addresses, fd77::/64. Default: false. */
  ipv6?: boolean
  /** An abort stops what the lab is doing, with the signal's reason. Dispose of the lab then. */
  signal?: AbortSignal
}

/** The addresses of the underlay: the switch is number 254, the hosts count from 1. */
const underlay = {
  ipv4: { prefix: 24, address: (n: number) => `192.168.77.${n}` },
  ipv6: { prefix: 64, address: (n: number) => `fd77::${n.toString(16)}` },
}
const GATEWAY = 254

/**
 * Hosts on one switch, each in a network namespace of its own, joined by veth pairs. Nothing is put
 * into the namespace of the machine itself.
 *
 * Use it with `await using`, so that it is always removed. The next lab removes what a killed process left behind.
 */
export class Lab implements AsyncDisposable {
  /** What every namespace and the folder of this lab begin with. */
  readonly name: string
  /** A folder for the lab's files, removed with it. */
  readonly directory: string
  /** A bridge `br0`, with one port a host, named as the host is. */
  readonly switch: Namespace
  readonly #hosts: Host[] = []
  readonly #options: LabOptions

  private constructor(name: string, options: LabOptions) {
    this.name = name
    this.directory = labDirectory(name)
    this.switch = new Namespace(`${name}-switch`, options.signal)
    this.#options = options
  }

  /** Removes what dead labs left, then makes a switch and its hosts. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    await sweep()
    const lab = new Lab(nextLabName(), options)
    try {
      // A process that had this process's id before may have left something of the same name.
      await lab.#remove()
      await mkdir(lab.directory)
      await lab.#makeSwitch()
      await lab.addHosts(options.hosts ?? 3)
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
    return lab
  }

  get hosts(): readonly Host[] {
    return this.#hosts
  }

  /** The `index`th host, counted from 0. */
  host(index: number): Host {
    const host = this.#hosts[index]
    if (host === undefined) throw new RangeError(`no host ${index}: the lab has ${this.#hosts.length}`)
    return host
  }

  /** Plugs one more host into the switch. */
  async addHost(): Promise<Host> {
    await this.addHosts(1)
    return this.host(this.#hosts.length - 1)
  }

  /** Plugs more hosts into the switch. */
  async addHosts(number: number): Promise<void> {
    const families = this.#families()
    const hosts = Array.from({ length: number }, (_, i) => {
      const n = this.#hosts.length + 1 + i
      if (n >= GATEWAY) throw new RangeError(`a lab holds at most ${GATEWAY - 1} hosts`)
      return new Host({
        name: `h${n}`,
        lab: this.name,
        switch: this.switch,
        addresses: families.map(({ address, prefix }) => ({ address: address(n), prefix })),
        gateways: families.map(({ address }) => address(GATEWAY)),
      })
    })
    this.#hosts.push(...hosts)
    const wires = hosts.map(
      ({ namespace, name }) =>
        `link add eth0 netns ${namespace} type veth peer name ${name} netns ${this.switch.namespace}`,
    )
    const input = [...hosts.map(({ namespace }) => `netns add ${namespace}`), ...wires, ''].join('\n')
    await this.#run(['-batch', '-'], input)
    await this.switch.ipBatch(hosts.map(({ name }) => `link set ${name} master br0 up`))
    await Promise.all(hosts.map((host) => host.setUp()))
  }

  /** Unplugs all hosts and removes what they kept in the lab's folder: those that come next are called as they were. */
  async removeHosts(): Promise<void> {
    const hosts = this.#hosts.splice(0)
    const namespaces = hosts.flatMap((host) => [...host.pods, host])
    await Promise.all(namespaces.map((namespace) => namespace.killAll()))
    // The kernel deletes a namespace, and with it the other end of a wire, some time after it says so.
    await this.switch.ipBatch(hosts.map(({ name }) => `link delete ${name}`))
    await deleteNamespaces(namespaces.map(({ namespace }) => namespace))
    await this.switch.ip('neighbour', 'flush', 'dev', 'br0')
    for (const { name } of hosts) await rm(join(this.directory, name), { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#namespaces().map((namespace) => namespace.killAll()))
    await this.#remove()
  }

  async #makeSwitch(): Promise<void> {
    await this.#run(['netns', 'add', this.switch.namespace])
    await this.switch.ipBatch([
      'link set lo up',
      `link add br0 ${bridge().join(' ')}`,
      ...this.#families().map(
        ({ address, prefix }) => `address add ${address(GATEWAY)}/${prefix} dev br0 nodad`,
      ),
      'link set br0 up',
    ])
  }

  #families() {
    const { ipv4 = true, ipv6 = false } = this.#options
    return [...(ipv4 ? [underlay.ipv4] : []), ...(ipv6 ? [underlay.ipv6] : [])]
  }

  /** `ip` in the namespace of the machine itself, where namespaces are made. */
  #run(args: readonly string[], input = ''): Promise<string> {
    return run('ip', args, { input, signal: this.#options.signal })
  }

  #namespaces(): Namespace[] {
    return [...this.#hosts.flatMap((host) => [...host.pods, host]), this.switch]
  }

  async #remove(): Promise<void> {
    const names = await listNamespaces()
    await deleteNamespaces(names.filter((name) => name.startsWith(`${this.name}-`)))
    await rm(this.directory, { recursive: true, force: true })
  }
}
