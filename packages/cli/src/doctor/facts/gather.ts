import { open, readFile, stat } from 'node:fs/promises'
import type { StatusPage } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { isOverlayError } from '@selvedge/core'
import type { CliIo } from '../../io.js'
import { askAgent } from '../../status/agent-client.js'
import { udpPortsOf } from '../checks/carriers.js'
import { holdsByNftables } from '../checks/features.js'
import { backendOf, hasIpv4, hasIpv6, nodeOf, portOf } from '../checks/known.js'
import type { AgentFact } from './answers.js'
import { certificateFacts } from './certificates.js'
import { wrongChecksums } from './checksums.js'
import { clusterIps, probeServices } from './cluster-ips.js'
import { desiredFact } from './desired.js'
import { driverFact } from './driver.js'
import type { Facts } from './facts.js'
import { udpFlows } from './flows.js'
import { handshakes } from './handshakes.js'
import { type NetworkFacts, networkFacts } from './network.js'
import { type PathTarget, pathFacts } from './paths.js'
import { podFacts } from './pods.js'
import { outPolicies } from './policies.js'
import { rulesetFacts } from './ruleset.js'
import { serverFacts } from './server.js'
import { serviceFacts } from './services.js'
import { programsHere, udpSockets } from './sockets.js'
import { storeFact } from './store.js'
import { NO_TRIALS, trialFacts } from './trials.js'
import { waysTo } from './ways.js'

export interface GatherOptions {
  readonly io: CliIo
  readonly settings: AgentSettings
  /** Before anything is installed: no agent, no store, no peers. */
  readonly pre: boolean
  /** What is to run here, as far as the command line says. */
  readonly asked: Facts['asked']
  readonly controlSocket: string
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
  'net/ipv4/conf/all/disable_xfrm',
]

/** Below /proc/sys/net/ipv4/conf, of each link. */
const LINK_SYSCTLS = ['rp_filter', 'disable_xfrm']

/** An agent that hangs does not keep the rest from being looked at. */
const AGENT_TIMEOUT_MS = 1_500

/** include/uapi/linux/capability.h */
const CAP_NET_ADMIN = 12n

/** Looks at everything, each part for a few seconds at most. */
export async function gather(options: GatherOptions): Promise<Facts> {
  const { io, pre, settings, asked, controlSocket } = options
  const { signal } = io
  // An agent writes that file to a store that has no config; who only looks does not.
  const storeOf =
    settings.store.type === 'local' ? { ...settings.store, networkConfigFile: undefined } : settings.store
  // What does not depend on the store does not wait for it.
  const host = networkFacts()
  const asking = pre ? undefined : agentFact(options)
  const reading = pre ? undefined : storeFact(storeOf, signal)
  const tried = (async () => {
    const [network, agent] = await Promise.all([host, asking])
    const targets = agent?.state === 'answers' ? targetsOf(agent.page, network) : []
    const before = await wrongChecksums()
    const paths = await pathFacts(targets, io.clock)
    const port = agent === undefined ? undefined : portOf({ agent, store: undefined, asked })
    const [after, shaken, flows] = await Promise.all([wrongChecksums(), handshakes(), udpFlows(port)])
    return { paths, checksums: after - before, shaken, flows }
  })()
  const wished = (async () => {
    const agent = await asking
    if (agent === undefined || reading === undefined) return undefined
    const desired = await desiredFact(io, settings, controlSocket, { agent, store: reading })
    return { desired, ways: await waysTo(desired, signal) }
  })()
  // If one of them fails, as all do that are interrupted, the others are not waited for.
  for (const begun of [asking, reading, tried, wished]) begun?.catch(() => undefined)
  const [hasNetAdmin, sysctls, tunProblem, network, rulesets, programs, agent, store, pods] =
    await Promise.all([
      mayChangeNetworks(),
      readSysctls(),
      whyNoTun(),
      host,
      rulesetFacts(),
      programsHere(),
      asking,
      reading,
      host.then((network) => podFacts(options.cniConfigFolder, options.cniPluginFolder, portsOf(network))),
    ])
  const services = await clusterIps(rulesets)
  const backend = backendOf({ agent, store, asked })
  const known = { agent, store, asked }
  const [perLink, driver, trials, policies, sockets, programsOf, probes, certificates, servers, tries, wish] =
    await Promise.all([
      readSysctls(
        (network?.links ?? []).flatMap(({ ifname }) =>
          LINK_SYSCTLS.map((name) => `net/ipv4/conf/${ifname}/${name}`),
        ),
      ),
      driverFact(settings, { backend, inUse: nodeOf(known)?.externalInterface.name }, signal),
      trialFacts({
        settings,
        families: { ipv4: hasIpv4(known) || !hasIpv6(known), ipv6: hasIpv6(known) },
        byNftables: holdsByNftables(known),
        // One that has a subnet runs by its backend.
        backend: agent?.state === 'answers' && agent.page.node !== undefined ? undefined : backend,
        signal,
      }).catch(() => NO_TRIALS),
      backend === 'ipsec' ? outPolicies() : undefined,
      udpSockets(udpPortsOf(known)),
      serviceFacts(programs),
      probeServices(services),
      certificateFacts(settings.store),
      pre ? [] : serverFacts(settings.store, io.clock),
      tried,
      wished,
    ])
  const desired = wish?.desired
  const path = (desired?.source === 'agent' ? desired.page.subnetFile.path : undefined) ?? settings.subnetFile
  return {
    now: io.clock.now(),
    settings,
    asked,
    hasNetAdmin,
    sysctls: new Map([...sysctls, ...perLink]),
    tunProblem,
    driver,
    trials,
    network,
    rulesets,
    sockets,
    programs,
    services: { ...programsOf, clusterIps: services, probes },
    controlSocket,
    agent,
    store,
    desired,
    ways: wish?.ways ?? new Map(),
    policies,
    certificates,
    servers,
    subnetFile: { path, text: await readFile(path, 'utf8').catch(() => undefined) },
    ...tries,
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

const TUN_PATH = '/dev/net/tun'
/** Its number, Documentation/admin-guide/devices.txt: character device 10, 200. */
const TUN = (10 << 8) | 200

async function whyNoTun(): Promise<string | undefined> {
  try {
    const found = await stat(TUN_PATH)
    if (!found.isCharacterDevice() || found.rdev !== TUN) return 'it is not the device 10, 200'
    // A container may have the file, and not the right to open it. That alone makes no link.
    await using _file = await open(TUN_PATH, 'r+')
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function agentFact({ controlSocket, io }: GatherOptions): Promise<AgentFact> {
  try {
    const page = await askAgent(controlSocket, io.signal, AGENT_TIMEOUT_MS)
    return page === undefined ? { state: 'absent' } : { state: 'answers', page }
  } catch (error) {
    io.signal.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    if (isOverlayError(error, 'ACCESS_DENIED')) return { state: 'denied', why }
    return { state: isOverlayError(error, 'STORE_UNAVAILABLE') ? 'silent' : 'other', why }
  }
}

/**
 * Those in trouble first, the others in an order of chance: of very many, each run tries others. A peer has an address in the
 * overlay if its backend gives its device the base address of its subnet, as all of flannel's do that have a device; then so
 * has this host.
 */
function targetsOf({ node, peers }: StatusPage, network: NetworkFacts | undefined): readonly PathTarget[] {
  const own = baseOf(node?.lease.subnet ?? node?.lease.ipv6Subnet)
  const hasAddress = network?.links.some(({ addr_info }) => addr_info.some(({ local }) => local === own))
  if (node === undefined || own === undefined) return []
  return peers
    .filter(({ path }) => path !== 'none')
    .map((peer) => ({ peer, order: peer.drift + peer.failing > 0 ? -1 : Math.random() }))
    .sort((a, b) => a.order - b.order)
    .flatMap(({ peer: { key, subnet, ipv6Subnet, publicIp, publicIpv6 } }) => {
      const inside = subnet ?? ipv6Subnet
      const outside = publicIp ?? publicIpv6
      if (inside === undefined || outside === undefined) return []
      const overlayAddress = hasAddress === true ? baseOf(inside) : undefined
      return [{ key, subnet: inside, publicIp: outside, overlayAddress, mtu: node.mtu }]
    })
}

/** Of the pods' bridge. */
const portsOf = (network: NetworkFacts | undefined): number =>
  (network?.links ?? []).filter(({ master }) => master === 'cni0').length

const baseOf = (subnet: string | undefined): string | undefined => subnet?.slice(0, subnet.indexOf('/'))
