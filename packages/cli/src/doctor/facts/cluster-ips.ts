import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { RulesetFacts } from './ruleset.js'

/** A Service of Kubernetes, as kube-proxy's rules of iptables name it. */
export interface ClusterIp {
  /** `kube-system/kube-dns:dns` */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
}

/** What a Service answered to this host. */
export interface ServiceProbe extends ClusterIp {
  readonly answers: boolean
}

const MAX_SERVICES = 10_000
const TIMEOUT_MS = 1_000

export function clusterIpsIn(rulesets: RulesetFacts | undefined): readonly ClusterIp[] {
  const rules = (rulesets?.chains ?? []).flatMap(({ name, rules }) => (name === 'KUBE-SERVICES' ? rules : []))
  return rules.slice(0, MAX_SERVICES).flatMap(({ text }): ClusterIp[] => {
    const [, address] = /-d (\S+)\/(?:32|128)\b/.exec(text) ?? []
    const [, name] = /--comment "(\S+) cluster IP"/.exec(text) ?? []
    const [, protocol] = /-p (tcp|udp)\b/.exec(text) ?? []
    const [, port] = /--dport (\d+)/.exec(text) ?? []
    if (address === undefined || name === undefined || port === undefined) return []
    return [{ name, address, port: Number(port), protocol: protocol === 'udp' ? 'udp' : 'tcp' }]
  })
}

/** Asks the cluster's DNS for a name, and connects to the API server's Service, if there are such. */
export async function probeServices(services: readonly ClusterIp[]): Promise<readonly ServiceProbe[]> {
  const dns = services.find(({ name, protocol }) => /^kube-system\/.*dns/.test(name) && protocol === 'udp')
  const api = services.find(({ name }) => /^default\/kubernetes:/.test(name))
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
