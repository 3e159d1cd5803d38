import { access, readFile } from 'node:fs/promises'
import type { StatusPage } from '@selvedge/agent'
import type { StoreSettings } from '@selvedge/agent/flags'
import { isOverlayError } from '@selvedge/core'
import type { CliIo } from '../../io.js'
import { askAgent } from '../../status/agent-client.js'
import { certificateFacts } from './certificates.js'
import type { AgentFact, Facts } from './facts.js'
import { type NetworkFacts, networkFacts } from './network.js'
import { type PathTarget, pathFacts } from './paths.js'
import { podFacts } from './pods.js'
import { rulesetFacts } from './ruleset.js'
import { serviceFacts } from './services.js'
import { programsHere, udpSockets } from './sockets.js'
import { storeFact } from './store.js'

export interface GatherOptions {
  readonly io: CliIo
  /** Before anything is installed: no agent, no store, no peers. */
  readonly pre: boolean
  readonly controlSocket: string
  readonly store: StoreSettings
  readonly subnetFile: string
  readonly cniConfigFolder: string
  readonly cniPluginFolder: string
}

/** Below /proc/sys. */
const SYSCTLS = [
  'net/ipv4/ip_forward',
  'net/ipv6/conf/all/forwarding',
  'net/ipv4/conf/all/rp_filter',
  'net/bridge/bridge-nf-call-iptables',
  'net/ipv4/neigh/default/gc_thresh3',
  'net/netfilter/nf_conntrack_count',
  'net/netfilter/nf_conntrack_max',
  'net/ipv6/conf/all/disable_ipv6',
]

/** The ports of vxlan, and of udp; of wireguard the first. */
const PORTS = [8472, 8285, 51820, 51821]

/** Peers that are tried. */
const MAX_TARGETS = 16

/** include/uapi/linux/capability.h */
const CAP_NET_ADMIN = 12n

/** Looks at everything, each part for a few seconds at most. */
export async function gather(options: GatherOptions): Promise<Facts> {
  const { io, pre } = options
  const [hasNetAdmin, sysctls, hasTunDevice, network, rulesets, sockets, programs, agent, store, pods] =
    await Promise.all([
      mayChangeNetworks(),
      readSysctls(),
      isThere('/dev/net/tun'),
      networkFacts(),
      rulesetFacts(),
      udpSockets(PORTS),
      programsHere(),
      pre ? undefined : agentFact(options),
      pre ? undefined : storeFact(options.store, io.signal),
      podFacts(options.cniConfigFolder, options.cniPluginFolder),
    ])
  const perLink = await readSysctls(
    (network?.links ?? []).map(({ ifname }) => `net/ipv4/conf/${ifname}/rp_filter`),
  )
  const page = agent?.state === 'answers' ? agent.page : undefined
  return {
    now: io.clock.now(),
    hasNetAdmin,
    sysctls: new Map([...sysctls, ...perLink]),
    hasTunDevice,
    network,
    rulesets,
    sockets,
    programs,
    services: await serviceFacts(programs),
    agent,
    store,
    certificates: pre ? [] : await certificateFacts(certificatesOf(options.store)),
    subnetFile: {
      path: options.subnetFile,
      text: await readFile(options.subnetFile, 'utf8').catch(() => undefined),
    },
    paths: page === undefined ? [] : await pathFacts(targetsOf(page, network)),
    pods,
  }
}

async function mayChangeNetworks(): Promise<boolean> {
  const text = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const [, mask = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(text) ?? []
  return ((BigInt(`0x${mask}`) >> CAP_NET_ADMIN) & 1n) === 1n
}

async function readSysctls(names: readonly string[] = SYSCTLS): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  await Promise.all(
    names.map(async (name) => {
      const text = await readFile(`/proc/sys/${name}`, 'utf8').catch(() => undefined)
      if (text !== undefined) found.set(name, text.trim())
    }),
  )
  return found
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

async function agentFact({ controlSocket, io }: GatherOptions): Promise<AgentFact> {
  try {
    const page = await askAgent(controlSocket, io.signal, 2_000)
    return page === undefined ? { state: 'absent' } : { state: 'answers', page }
  } catch (error) {
    io.signal.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    if (isOverlayError(error, 'ACCESS_DENIED')) return { state: 'denied', why }
    return { state: isOverlayError(error, 'STORE_UNAVAILABLE') ? 'silent' : 'other', why }
  }
}

const certificatesOf = (store: StoreSettings): readonly string[] =>
  store.type === 'etcd' ? [store.tls.ca, store.tls.cert].filter((file) => file !== undefined) : []

/**
 * A few peers, those in trouble first. A peer has an address in the overlay if its backend gives its device the base
 * address of its subnet, as all of flannel's do that have a device; then so has this host.
 */
function targetsOf({ node, peers }: StatusPage, network: NetworkFacts | undefined): readonly PathTarget[] {
  const own = baseOf(node?.lease.subnet ?? node?.lease.ipv6Subnet)
  const hasAddress = network?.links.some(({ addr_info }) => addr_info.some(({ local }) => local === own))
  if (node === undefined || own === undefined || !hasAddress) return []
  return [...peers]
    .sort((a, b) => b.drift + b.failing - (a.drift + a.failing))
    .flatMap(({ key, subnet, ipv6Subnet, publicIp, publicIpv6, path }) => {
      const inside = subnet ?? ipv6Subnet
      const outside = publicIp ?? publicIpv6
      const overlayAddress = baseOf(inside)
      if (path === 'none' || inside === undefined || outside === undefined || overlayAddress === undefined)
        return []
      return [{ key, subnet: inside, publicIp: outside, overlayAddress, mtu: node.mtu }]
    })
    .slice(0, MAX_TARGETS)
}

const baseOf = (subnet: string | undefined): string | undefined => subnet?.slice(0, subnet.indexOf('/'))
