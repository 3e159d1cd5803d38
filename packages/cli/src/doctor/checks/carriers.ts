import type { Facts } from '../facts/facts.js'
import { backendOf, hasIpv4, hasIpv6, portOf, settingOf } from './known.js'

/** A kind of packets that a backend sends to other hosts, as a firewall tells it: a UDP port, or an IP protocol. */
export type Carrier = { readonly port: number } | { readonly protocol: Protocol }

type Protocol = 'ipip' | 'ipv6' | 'esp'

/** IANA's number of each, and its other names in /etc/protocols and in nftables. */
const PROTOCOLS: Readonly<Record<Protocol, { readonly number: number; readonly names: RegExp }>> = {
  ipip: { number: 4, names: /^(?:4|ipip|ipencap|ipv4)$/ },
  ipv6: { number: 41, names: /^(?:41|ipv6)$/ },
  esp: { number: 50, names: /^(?:50|esp|ipv6-crypt)$/ },
}

/** Of IKE, and of ESP in UDP (RFC 3948). */
const [IKE, ENCAPSULATED] = [500, 4500]

/** charon's own device, where it does ESP itself: in UDP, always. */
const USERSPACE = 'flannel-ipsec'

/** The packets without which no peer is reached. */
export function carriersOf(facts: Facts): readonly Carrier[] {
  switch (backendOf(facts)) {
    case 'ipip':
      return [
        ...(hasIpv4(facts) || !hasIpv6(facts) ? [{ protocol: 'ipip' } as const] : []),
        ...(hasIpv6(facts) ? [{ protocol: 'ipv6' } as const] : []),
      ]
    case 'ipsec':
      return [{ port: IKE }, isEncapsulated(facts) ? { port: ENCAPSULATED } : { protocol: 'esp' }]
    default: {
      const port = portOf(facts)
      return port === undefined ? [] : [{ port }]
    }
  }
}

/** The UDP ports that the backend binds. */
export const udpPortsOf = (facts: Pick<Facts, 'agent' | 'store' | 'asked'>): readonly number[] => {
  if (backendOf(facts) === 'ipsec') return [IKE, ENCAPSULATED]
  const port = portOf(facts)
  return port === undefined ? [] : [port]
}

const isEncapsulated = (facts: Facts): boolean =>
  settingOf(facts, 'UDPEncap') === true ||
  facts.network?.links.some(({ ifname }) => ifname === USERSPACE) === true

/** As sentences name it. */
export const carrierText = (carrier: Carrier): string =>
  'port' in carrier
    ? `UDP port ${carrier.port}`
    : `IP protocol ${PROTOCOLS[carrier.protocol].number} (${carrier.protocol === 'esp' ? 'ESP' : carrier.protocol})`

/** What accepts it, first of a chain. */
export const acceptanceOf = (carrier: Carrier): { readonly iptables: string; readonly nft: string } =>
  'port' in carrier
    ? { iptables: `-p udp --dport ${carrier.port} -j ACCEPT`, nft: `udp dport ${carrier.port} accept` }
    : {
        iptables: `-p ${PROTOCOLS[carrier.protocol].number} -j ACCEPT`,
        nft: `meta l4proto ${PROTOCOLS[carrier.protocol].number} accept`,
      }

/** Whether a rule is about such packets, and for all of them. */
export const namesCarrier = (text: string, carrier: Carrier): boolean =>
  'port' in carrier ? namesPort(text, carrier.port) : namesProtocol(text, PROTOCOLS[carrier.protocol].names)

/** Whether a rule is about UDP packets to a port, and for all of them. */
export function namesPort(text: string, port: number): boolean {
  const [, ports] = /\budp dport (\{[^}]*\}|\S+)/.exec(text) ?? /-p udp .*--dports? (\S+)/.exec(text) ?? []
  return wordsOf(ports).some((word) => {
    const [first, last = first] = word.split(/[:-]/).map(Number)
    return first !== undefined && last !== undefined && first <= port && port <= last
  })
}

function namesProtocol(text: string, names: RegExp): boolean {
  const [, protocols] =
    /\b(?:meta l4proto|ip protocol|ip6 nexthdr) (\{[^}]*\}|\S+)/.exec(text) ??
    /(?:^|[^!] )-p (\S+)/.exec(text) ??
    []
  return wordsOf(protocols).some((word) => names.test(word))
}

const wordsOf = (list = ''): readonly string[] => list.split(/[{},\s]+/).filter((word) => word !== '')
