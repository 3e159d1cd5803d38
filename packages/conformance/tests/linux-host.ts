import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** A network namespace that answers to the same command lines as a `FakeKernel`, and prints itself the same way. */
export class LinuxHost implements Disposable {
  readonly namespace = `slv-${randomBytes(4).toString('hex')}`

  constructor() {
    execFileSync('ip', ['netns', 'add', this.namespace])
    try {
      this.run('ip link set lo up')
      this.#addInterface('eth0', '02:00:00:00:00:02', '192.168.0.1/24', 'fd00::1/64')
      this.#addInterface('eth1', '02:00:00:00:00:03', '192.168.1.1/24', 'fd01::1/64')
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** An interface with a carrier, and no host at the other end. */
  #addInterface(name: string, mac: string, ...addresses: readonly string[]): void {
    const peer = `slv-${name}`
    this.run(`ip link add ${name} address ${mac} type veth peer name ${peer}`)
    execFileSync('ip', [
      'netns',
      'exec',
      this.namespace,
      'sysctl',
      '-qw',
      `net.ipv6.conf.${peer}.disable_ipv6=1`,
    ])
    this.run(`ip link set ${peer} up`)
    this.run(`ip link set ${name} up`)
    for (const address of addresses)
      this.run(`ip addr add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`)
  }

  /** Throws if the command fails. */
  run(line: string): void {
    const [tool = '', ...args] = line.split(' ')
    execFileSync(tool, ['-n', this.namespace, ...args], { stdio: 'pipe' })
  }

  /** What `FakeKernel.toText` prints of the same state. A neighbour that is only being looked for is none yet. */
  toText(): string {
    const links = this.#read('ip', '-d', 'link').filter(isModelled)
    const addresses = this.#read('ip', 'addr').filter(isModelled)
    const routes = [...this.#read('ip', '-4', '-d', 'route'), ...this.#read('ip', '-6', '-d', 'route')]
    return [
      ...section('link', links.map(linkText)),
      ...section('address', addresses.flatMap(addressLines)),
      ...section('route', routes.map(routeText)),
      ...section(
        'neighbour',
        this.#read('ip', 'neigh')
          .filter(({ lladdr }) => lladdr !== undefined)
          .map(neighbourText),
      ),
      ...section(
        'fdb',
        this.#read('bridge', 'fdb')
          .filter(({ dst }) => dst !== undefined)
          .map(fdbText),
      ),
    ].join('')
  }

  #read(tool: string, ...args: readonly string[]): Json[] {
    const text = execFileSync(tool, ['-n', this.namespace, '-j', ...args, 'show'], { encoding: 'utf8' })
    return text.trim() === '' ? [] : JSON.parse(text)
  }

  [Symbol.dispose](): void {
    execFileSync('ip', ['netns', 'del', this.namespace])
  }
}

/** What `ip -j` and `bridge -j` print; a field that is missing prints as such in the comparison. */
type Json = Readonly<Record<string, unknown>> & {
  readonly flags?: readonly string[]
  readonly linkinfo?: { readonly info_kind: string; readonly info_data?: Json }
  readonly addr_info?: readonly Json[]
  readonly state?: readonly string[] | string
}

const isModelled = ({ ifname }: Json): boolean => ifname !== 'lo' && !String(ifname).startsWith('slv-')

const { compare } = new Intl.Collator('en', { numeric: true })

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`# ${title}`, ...lines.toSorted(compare)].map((line) => `${line}\n`)

const words = (...parts: readonly (string | false)[]): string =>
  parts.filter((part) => part !== '' && part !== false).join(' ')

function linkText({ ifname, flags, mtu, address, ifalias, linkinfo }: Json): string {
  const { info_kind: kind = '', info_data: data } = linkinfo ?? {}
  return words(
    `${ifname} ${flags?.includes('UP') ? 'UP' : 'DOWN'} mtu ${mtu} link/ether ${address}`,
    ifalias !== undefined && `alias ${ifalias}`,
    kind,
    kind === 'vxlan' && data !== undefined && vxlanText(data),
  )
}

function vxlanText(data: Json): string {
  const local = data.local ?? data.local6
  return words(
    `id ${data.id}`,
    local !== undefined && `local ${local}`,
    data.link !== undefined && `dev ${data.link}`,
    `dstport ${data.port}`,
    data.learning === false && 'nolearning',
    data.gbp === true && 'gbp',
  )
}

const addressLines = ({ ifname, addr_info }: Json): string[] =>
  (addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen} dev ${ifname}`)

function routeText({ type, dst, gateway, dev, protocol, metric, flags }: Json): string {
  return words(
    type === 'blackhole' && 'blackhole',
    String(dst),
    gateway !== undefined && `via ${gateway}`,
    type !== 'blackhole' && `dev ${dev}`,
    `proto ${protocol}`,
    metric !== undefined && `metric ${metric}`,
    flags?.includes('onlink') === true && 'onlink',
  )
}

const neighbourText = ({ dst, dev, lladdr, state }: Json): string =>
  `${dst} dev ${dev} lladdr ${lladdr} ${state?.includes('PERMANENT') ? 'PERMANENT' : 'REACHABLE'}`

const fdbText = ({ mac, ifname, dst, state }: Json): string =>
  words(`${mac} dev ${ifname} dst ${dst} self`, state === 'permanent' && 'permanent')
