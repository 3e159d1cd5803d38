import type { ClusterIp } from './cluster-ip.js'
import type { FirewallChain } from './ruleset.js'

/** kube-proxy's own table, of its mode nftables. */
const TABLE = /^table (ip6?) kube-proxy \{[^\n]*\n([\s\S]*?)^\}/gm
const MAP = /^\tmap (service-ips|no-endpoint-services) \{[^\n]*\n([\s\S]*?)^\t\}/gm
/** An address, a protocol and a port, what is said of it, and a verdict. */
const ELEMENT =
  /([0-9a-f.:]+) \. (tcp|udp) \. (\d+)(?: comment "([^"]*)")? : (?:goto (\S+?)|drop)(?=,|\s|\})/g

/** Services, by the maps that lead to a chain of each, or refuse what has no endpoints. @param text all that nft lists */
export function nftServices(text: string, chains: readonly FirewallChain[]): readonly ClusterIp[] {
  const lengths = new Map(
    chains.flatMap(({ tool, name, rules }) => (tool === 'nft' ? [[name, rules.length] as const] : [])),
  )
  return [...text.matchAll(TABLE)].flatMap(([, , table = '']) =>
    [...table.matchAll(MAP)].flatMap(([, map, elements = '']) =>
      [...elements.matchAll(ELEMENT)].map(
        ([, address = '', protocol, port, comment, chain = '']): ClusterIp => {
          // service-2QRHZV4L-default/kubernetes/tcp/https
          const [, namespace, name, portName] = /^service-\w+-([^/]+)\/([^/]+)\/\w+\/(\S*)$/.exec(chain) ?? []
          const ofChain = namespace === undefined ? undefined : `${namespace}/${name}:${portName}`
          const service = {
            name: comment ?? ofChain ?? `${address}:${port}`,
            address,
            port: Number(port),
            protocol: protocol === 'udp' ? 'udp' : 'tcp',
          } as const
          if (map === 'no-endpoint-services') return { ...service, lacks: 'endpoints' }
          return lengths.get(chain) ? service : { ...service, lacks: 'rules' }
        },
      ),
    ),
  )
}
