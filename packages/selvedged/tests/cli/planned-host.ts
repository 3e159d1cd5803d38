import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Host, type Lab, until } from '@selvedge/lab'
import { expect } from 'vitest'
import type { KubeRig } from '../kube/kube-rig.js'
import type { Rig } from '../rig.js'
import { filesOf, type Selvedged, type SelvedgedOptions } from '../selvedged.js'
import { holdMounts } from './mount-holder.js'
import { type Ended, selvedgeIn } from './selvedge.js'

/** Hosts, and the store that they share. */
export interface PlannedRig {
  readonly lab: Lab
  /** Those that name the store. */
  readonly flags: readonly string[]
  readonly start: (index: number, options: SelvedgedOptions) => Selvedged
  /** All that the store holds. */
  readonly dumpStore: () => Promise<string>
}

export const onEtcd = (rig: Rig): PlannedRig => ({
  lab: rig.lab,
  flags: [`--etcd-endpoints=${rig.etcd.endpoint}`],
  start: (index, options) => rig.start(index, options),
  dumpStore: async () => JSON.stringify([...(await rig.etcd.leases())].sort()),
})

export const onKubernetes = (rig: KubeRig): PlannedRig => ({
  lab: rig.lab,
  flags: rig.flags,
  start: (index, options) => rig.start(index, options),
  // With the version of each.
  dumpStore: () => rig.cluster.kubectl('get', 'nodes', '--output=json'),
})

export interface PlannedHostOptions {
  /** Of the agent and of plans alike: what a plan is to foresee. */
  readonly args?: readonly string[]
  readonly variables?: Readonly<Record<string, string>>
  /** The flags that name the agent's store, if not the rig's. */
  readonly store?: readonly string[]
}

const DUMP = `
ip -d -o link; ip -o address; ip route show table all; ip -6 route show table all
ip neighbour show nud permanent; ip -6 neighbour show nud permanent; bridge fdb show | grep permanent
for tool in iptables ip6tables; do "$tool-save" | grep -v '^#'; done; nft list ruleset
ip xfrm policy; ip xfrm state | grep -E '^src|proto' | sed 's/ spi 0x[0-9a-f]*//' | sort -u
cat /proc/net/udp /proc/net/udp6 | awk '{print $2, $10}'
cat /proc/modules | awk '{print $1}'
`

/** What a look at a host, or an agent at its rules, runs for a moment. */
const TOOLS = /^(ip|sh|cat|find|sort|awk|sed|grep|nsenter|bridge|sleep|nft|ip6?tables.*|xtables.*)$/

/** A host whose agents and plans share a `/run` that no other host has. */
export class PlannedHost {
  readonly host: Host
  readonly #rig: PlannedRig
  readonly #options: PlannedHostOptions
  readonly #pid: number
  #agent: Selvedged | undefined

  private constructor(rig: PlannedRig, host: Host, pid: number, options: PlannedHostOptions) {
    this.host = host
    this.#rig = rig
    this.#pid = pid
    this.#options = options
  }

  static async create(
    rig: PlannedRig,
    index: number,
    options: PlannedHostOptions = {},
  ): Promise<PlannedHost> {
    const host = rig.lab.host(index)
    const holder = await holdMounts(host, 'mount -t tmpfs none /run')
    return new PlannedHost(rig, host, holder.pid ?? 0, options)
  }

  /** The command line of a program in this host's mount namespace. */
  get within(): readonly string[] {
    // The root too, which is not that of the namespace in a chroot.
    return ['nsenter', `--target=${this.#pid}`, '--mount', '--root', '--wd']
  }

  start(): Selvedged {
    const { args = [], variables = {}, store } = this.#options
    this.#agent = this.#rig.start(this.#rig.lab.hosts.indexOf(this.host), {
      args,
      variables,
      wrapper: this.within,
      ...(store && { store }),
    })
    return this.#agent
  }

  /** Runs a shell command on the host. */
  sh(script: string): Promise<string> {
    return this.host.exec(this.within[0] ?? '', [...this.within.slice(1), 'sh', '-c', script])
  }

  /** Runs `selvedge plan`, and proves that it has changed nothing: neither kernel, processes, files nor the store. */
  plan(...args: readonly string[]): Promise<Ended> {
    return this.planBy([], ...args)
  }

  /** The same by a command that runs it. */
  async planBy(wrapper: readonly string[], ...args: readonly string[]): Promise<Ended> {
    const before = await this.#settled()
    const ended = await this.#run(wrapper, 'plan', args)
    expect(await this.#state()).toBe(before)
    return ended
  }

  /** The same where something else changes the host meanwhile. */
  planInMotion(...args: readonly string[]): Promise<Ended> {
    return this.selvedge('plan', ...args)
  }

  /** Runs a command of `selvedge` with the agent's flags. */
  selvedge(command: string, ...args: readonly string[]): Promise<Ended> {
    return this.#run([], command, args)
  }

  #run(wrapper: readonly string[], command: string, args: readonly string[]): Promise<Ended> {
    const { args: always = [], variables = {} } = this.#options
    const { subnetFile, leaseCache } = filesOf(this.#rig.lab, this.host)
    const run = selvedgeIn(
      this.host,
      [],
      [
        `NODE_NAME=${this.host.name}`,
        ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
        ...this.within,
        ...wrapper,
      ],
    )
    return run(
      command,
      ...this.#rig.flags,
      `--subnet-file=${subnetFile}`,
      `--lease-cache=${leaseCache}`,
      '--iptables-forward-rules=false',
      ...always,
      ...args,
    )
  }

  /** Waits for what a dump of this host is to have. */
  async until(pattern: RegExp): Promise<void> {
    await until(`${pattern} on ${this.host.name}`, async () =>
      pattern.test(await this.#state()) ? true : undefined,
    )
  }

  /** Whether an agent may write its lease cache at any moment. */
  get #isCacheWritten(): boolean {
    return this.#agent?.hasEnded === false
  }

  /** The kernel checks a new IPv6 address for a second, and an agent makes its cache when it has time. */
  async #settled(): Promise<string> {
    const { leaseCache } = filesOf(this.#rig.lab, this.host)
    if (this.#isCacheWritten) {
      await until('the lease cache', () =>
        access(leaseCache).then(
          () => true,
          () => undefined,
        ),
      )
    }
    let last = ''
    return until(
      'the host to be at rest',
      async () => {
        const now = await this.#state()
        const isAtRest = now === last && !now.includes('tentative')
        last = now
        return isAtRest ? now : undefined
      },
      { timeoutMs: 30_000 },
    )
  }

  async #state(): Promise<string> {
    const { lab } = this.#rig
    const folder = `${lab.directory}/${this.host.name}`
    // In the lock file of a local store its readers are noted.
    const cache = this.#isCacheWritten ? `-not -path '${dirname(filesOf(lab, this.host).leaseCache)}*'` : ''
    const some = `-not -name '*.log' -not -name '*.mdb-lock*' ${cache}`
    const files = `find /run ${folder} ${some} -printf '%p %y %m %u %s %T@\\n' 2>/dev/null | sort
      find /run ${folder} -type f ${some} -exec sha256sum {} + 2>/dev/null | sort`
    const [kernel, found, pids, store] = await Promise.all([
      this.sh(`${DUMP} true`),
      this.sh(`${files}; true`),
      this.#processes(),
      this.#rig.dumpStore(),
    ])
    const counted = kernel
      .replaceAll(/counter packets \d+ bytes \d+/g, 'counter')
      .replaceAll(/\[\d+:\d+\]/g, '')
      // Those of a bridge run down.
      .replaceAll(/_timer +[\d.]+/g, '')
    return [counted, found, pids, store].join('\n---\n')
  }

  async #processes(): Promise<string> {
    const pids = (await this.host.exec('ip', ['netns', 'pids', this.host.namespace])).split('\n')
    // This look is one itself.
    const named = await Promise.all(
      pids.filter((pid) => pid !== '').map((pid) => this.sh(`cat /proc/${pid}/comm 2>/dev/null; true`)),
    )
    return named
      .map((name) => name.trim())
      .filter((name) => name !== '' && !TOOLS.test(name))
      .sort()
      .join(' ')
  }
}
