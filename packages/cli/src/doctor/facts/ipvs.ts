import { formatAddress, parseAddress } from '@selvedge/core/kit'
import type { ClusterIp } from './cluster-ip.js'

/** `TCP  0A600001:01BB rr`, `UDP  [fd00:0000:0000:0000:0000:0000:0000:0010]:0035 rr`. */
const VIRTUAL = /^(TCP|UDP)\s+(?:([0-9A-F]{8})|\[([0-9A-Fa-f:]+)\]):([0-9A-F]{4})\s/
/** Below it, each endpoint: `  -> 0A000001:192B      Masq    1      0          0`. */
const ENDPOINT = /^\s+->\s+(?:[0-9A-F]{8}|\[[0-9A-Fa-f:]+\]):([0-9A-F]{4})\s/

const DNS_PORT = 53
const HTTPS_PORT = 443
/** Of kube-apiserver itself, by default. */
const API_PORT = 6443

interface Virtual {
  readonly address: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  readonly endpointPorts: number[]
}

/** Services as /proc/net/ip_vs lists them (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show). */
export function readIpvs(text: string): readonly ClusterIp[] {
  const services: Virtual[] = []
  let current: Virtual | undefined
  for (const line of text.split('\n')) {
    const [, endpointPort] = ENDPOINT.exec(line) ?? []
    if (endpointPort !== undefined) current?.endpointPorts.push(Number.parseInt(endpointPort, 16))
    else {
      current = readVirtual(line)
      if (current !== undefined) services.push(current)
    }
  }
  return services.map(serviceOf)
}

/** Undefined for other lines, such as those of firewall marks. */
function readVirtual(line: string): Virtual | undefined {
  const [, protocol, ipv4, ipv6 = '', port = ''] = VIRTUAL.exec(line) ?? []
  if (protocol === undefined) return undefined
  const read = ipv4 === undefined ? parseAddress(ipv6) : { family: 4 as const, value: BigInt(`0x${ipv4}`) }
  if (read === undefined) return undefined
  return {
    address: formatAddress(read),
    port: Number.parseInt(port, 16),
    protocol: protocol === 'UDP' ? 'udp' : 'tcp',
    endpointPorts: [],
  }
}

function serviceOf({ address, port, protocol, endpointPorts }: Virtual): ClusterIp {
  const isApi = protocol === 'tcp' && port === HTTPS_PORT && endpointPorts.includes(API_PORT)
  const role = isApi ? 'api' : protocol === 'udp' && port === DNS_PORT ? 'dns' : undefined
  return {
    name: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    address,
    port,
    protocol,
    ...(role === undefined ? {} : { role }),
    ...(endpointPorts.length > 0 ? {} : { lacks: 'endpoints' }),
  }
}
