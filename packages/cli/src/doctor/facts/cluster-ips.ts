import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { ClusterIp } from './cluster-ip.js'
import { readIpvs } from './ipvs.js'
import { nftServices } from './nft-services.js'
import type { FirewallChain, RulesetFacts } from './ruleset.js'

/** What a Service answered to this host. */
export interface ServiceProbe extends ClusterIp {
  readonly answers: boolean
}

const MAX_SERVICES = 10_000
const TIMEOUT_MS = 1_000

/** All that kube-proxy has, by whichever of its modes. */
export async function clusterIps(rulesets: RulesetFacts | undefined): Promise<readonly ClusterIp[]> {
  const ipvs = await readFile('/proc/net/ip_vs', 'utf8').catch(() => '')
  return [...clusterIpsIn(rulesets), ...readIpvs(ipvs)].slice(0, MAX_SERVICES)
}

export function clusterIpsIn(rulesets: RulesetFacts | undefined): readonly ClusterIp[] {
  if (rulesets === undefined) return []
  return [...iptablesServices(rulesets.chains), ...nftServices(rulesets.nft, rulesets.chains)].slice(
    0,
    MAX_SERVICES,
  )
}

/** Of mode iptables: a rule for each, which jumps to a chain of its own, or refuses what has no endpoints. */
function iptablesServices(chains: readonly FirewallChain[]): readonly ClusterIp[] {
  const lengths = new Map(chains.map(({ tool, name, rules }) => [`${tool} ${name}`, rules.length]))
  return chains
    .filter(({ name }) => name === 'KUBE-SERVICES')
    .flatMap(({ tool, rules }) => rules.slice(0, MAX_SERVICES).map((rule) => ({ tool, ...rule })))
    .flatMap(({ tool, text, target }): ClusterIp[] => {
      const [, address] = /-d (\S+)\/(?:32|128)\b/.exec(text) ?? []
      const [, name, says] = /--comment "(\S+) (cluster IP|has no endpoints)"/.exec(text) ?? []
      const [, protocol] = /-p (tcp|udp)\b/.exec(text) ?? []
      const [, port] = /--dport (\d+)/.exec(text) ?? []
      if (address === undefined || name === undefined || port === undefined) return []
      const isEmpty = target?.startsWith('KUBE-SVC-') === true && !lengths.get(`${tool} ${target}`)
      const lacks = says === 'has no endpoints' ? 'endpoints' : isEmpty ? 'rules' : undefined
      const service = {
        name,
        address,
        port: Number(port),
        protocol: protocol === 'udp' ? 'udp' : 'tcp',
      } as const
      return [lacks === undefined ? service : { ...service, lacks }]
    })
}

/** Asks the cluster's DNS for a name, and connects to the API server's Service, if there are such. */
export async function probeServices(services: readonly ClusterIp[]): Promise<readonly ServiceProbe[]> {
  const dns = services.find(
    ({ name, protocol, role }) => role === 'dns' || (/^kube-system\/.*dns/.test(name) && protocol === 'udp'),
  )
  const api = services.find(({ name, role }) => role === 'api' || /^default\/kubernetes:/.test(name))
  const probes = [dns && { ...dns, ask: resolves }, api && { ...api, ask: accepts }]
  return Promise.all(
    probes
      .filter((probe) => probe !== undefined)
      .map(async ({ ask, ...service }) => ({ ...service, answers: await ask(service) })),
  )
}

function accepts({ address, port }: ClusterIp): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: TIMEOUT_MS })
    const end = (answers: boolean) => {
      socket.destroy()
      resolve(answers)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}

/** An A query for `kubernetes.default.svc.cluster.local` (RFC 1035, 4.1). Any answer will do: the domain may be another. */
const QUERY = Buffer.from(
  `5e1d01000001000000000000${['kubernetes', 'default', 'svc', 'cluster', 'local']
    .map((label) => Buffer.from([label.length, ...Buffer.from(label)]).toString('hex'))
    .join('')}0000010001`,
  'hex',
)

function resolves({ address, port }: ClusterIp): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    const end = (answers: boolean) => {
      clearTimeout(late)
      clearInterval(again)
      socket.close()
      resolve(answers)
    }
    const send = () => socket.send(QUERY, port, address)
    const late = setTimeout(() => end(false), TIMEOUT_MS)
    // UDP loses packets by right.
    const again = setInterval(send, TIMEOUT_MS / 3)
    socket.once('message', () => end(true))
    socket.on('error', () => {})
    send()
  })
}
