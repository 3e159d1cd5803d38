import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

/** A network namespace of a test's own, with loopback up. */
export class TestNamespace implements Disposable {
  readonly name: string
  readonly path: string

  constructor() {
    this.name = `slv-${randomBytes(4).toString('hex')}`
    this.path = `/run/netns/${this.name}`
    run('ip', ['netns', 'add', this.name])
    this.ip('link set lo up')
  }

  /** Runs `ip -n <this> <line>` and returns what it prints. */
  ip(line: string): string {
    return run('ip', ['-n', this.name, ...line.split(' ')])
  }

  /** The same with `-j`, parsed. */
  ipJson(line: string): Record<string, unknown>[] {
    return parse(run('ip', ['-n', this.name, '-j', '-d', ...line.split(' ')]))
  }

  /** `ip -batch`, with the lines on its standard input. */
  ipBatch(lines: readonly string[]): void {
    run('ip', ['-n', this.name, '-batch', '-'], lines.join('\n'))
  }

  bridge(line: string): string {
    return run('bridge', ['-n', this.name, ...line.split(' ')])
  }

  /** `bridge -batch`, beside what this process does meanwhile, as soon as a fdb entry for this MAC is there. */
  async bridgeBatchOnce(macAddress: string, lines: readonly string[]): Promise<void> {
    const bridge = `bridge -n ${this.name}`
    const script = `timeout 10 sh -c 'until ${bridge} fdb show | grep -q ${macAddress}; do :; done' && ${bridge} -batch -`
    const child = execFile('sh', ['-c', script])
    child.stdin?.end(lines.join('\n'))
    const [status] = await once(child, 'exit')
    if (status !== 0) throw new Error(`${script} ended with status ${status}`)
  }

  bridgeJson(line: string): Record<string, unknown>[] {
    return parse(run('bridge', ['-n', this.name, '-j', ...line.split(' ')]))
  }

  /** Runs a program inside. */
  exec(...command: readonly string[]): string {
    return run('ip', ['netns', 'exec', this.name, ...command])
  }

  /** A host's one interface, `eth0`, up, with these addresses; its other end is `wire`. */
  addExternalInterface(...addresses: readonly string[]): void {
    this.ip('link add eth0 type veth peer name wire')
    this.ip('link set wire up')
    this.ip('link set eth0 up')
    for (const address of addresses)
      this.ip(`address add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`)
  }

  /** All of it as text, without what passes by itself: ages, counters, carrier, duplicate address detection. */
  state(): string {
    const links = this.ipJson('link show').map((link) => {
      const flags = Array.isArray(link.flags) && link.flags.includes('UP') ? 'up' : 'down'
      const { ifindex, ifname, mtu, address, ifalias, linkinfo, master } = link
      const lasting = { ifindex, ifname, mtu, address, ifalias, linkinfo, master, flags }
      return `link ${JSON.stringify(lasting, (name, value) => (name.endsWith('_timer') ? undefined : value))}`
    })
    const addresses = this.ipJson('address show').flatMap(({ ifname, addr_info }) =>
      (Array.isArray(addr_info) ? addr_info : [])
        .filter(({ scope }) => scope !== 'link')
        .map(
          ({ local, prefixlen, scope, label, valid_life_time }) =>
            `address ${JSON.stringify({ ifname, local, prefixlen, scope, label, valid_life_time })}`,
        ),
    )
    const lines = (kind: string, text: string): string[] =>
      text
        .split('\n')
        .filter((line) => line.trim() !== '' && !PASSING.test(line))
        .map((line) => `${kind} ${line.trim().replaceAll(/ (linkdown|dead|expires \d+sec)/g, '')}`)
    return [
      ...links,
      ...addresses,
      ...lines('route', this.ip('-4 route show table all')),
      ...lines('route', this.ip('-6 route show table all')),
      ...lines('neighbour', this.ip('neighbour show nud all')),
      ...lines('fdb', this.bridge('fdb show')),
      ...lines('nexthop', this.ip('nexthop show')),
    ]
      .sort()
      .join('\n')
  }

  [Symbol.dispose](): void {
    run('ip', ['netns', 'del', this.name])
  }
}

/**
 * What the kernel does by itself, at a time of its own: multicast neighbours; neighbours it looks for, in vain, when a
 * VXLAN link floods; link-local addresses, some time after a link is up, with their routes and multicast groups.
 */
const PASSING = / (NOARP|INCOMPLETE|FAILED)\b|^(?:(local|anycast|multicast) )?(fe80:|ff00:)|^33:33:/

const run = (program: string, args: readonly string[], input = ''): string =>
  execFileSync(program, args, {
    encoding: 'utf8',
    input,
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'pipe'],
  })

/** Some dumps print nothing at all if there is nothing. */
const parse = (text: string): Record<string, unknown>[] => (text.trim() === '' ? [] : JSON.parse(text))

/** Waits until `check` holds, at most `limit` ms, and rejects with what it was waiting for if it does not. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  limit = 5_000,
): Promise<void> {
  const deadline = performance.now() + limit
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`waited ${limit} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
