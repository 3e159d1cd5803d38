import { type Cidr, containsAddress, parseCidr, printable } from '@selvedge/core/kit'
import { count } from '../../output/count.js'
import type { Facts } from '../facts/facts.js'
import type { OutPolicy } from '../facts/policies.js'
import { addressIn } from '../facts/ways.js'
import { type Check, fatal } from '../finding.js'
import { backendOf, desiredOf, externalOf, ownLease } from './known.js'

const MAX_SHOWN = 3

/** What lets packets to peers leave as they are, though the backend is ipsec. */
export const plainTextChecks: readonly Check[] = [
  {
    id: 'path.plain-text',
    title:
      'packets to peers of IPsec leave encrypted, whatever policies, settings and routes others have made',
    find: (facts) => {
      const external = externalOf(facts)?.ifname
      if (backendOf(facts) !== 'ipsec' || external === undefined) return []
      const leaving = peersBy(facts, external)
      return leaving.length === 0
        ? []
        : byKernel(facts)
          ? ofKernel(facts, external, leaving)
          : ofCharon(leaving, external)
    },
  },
]

interface Peer {
  readonly key: string
  readonly subnet: string
  /** An address of it. */
  readonly address: string
}

/** Peers that the kernel sends packets to by this device. */
function peersBy(facts: Facts, device: string): readonly Peer[] {
  const page = desiredOf(facts)
  return (page?.leases ?? []).flatMap(({ key, subnet, ipv6Subnet }) =>
    (key === page?.own ? [] : [subnet, ipv6Subnet]).flatMap((text) => {
      if (text === undefined) return []
      const address = addressIn(text)
      return facts.ways.get(address)?.device === device ? [{ key, subnet: text, address }] : []
    }),
  )
}

/** If the kernel has no ESP, charon's own device takes the packets; the backend has one of its own then. */
const byKernel = (facts: Facts): boolean =>
  desiredOf(facts)?.entries.some(({ resource }) => resource.kind === 'link') !== true

const ofCharon = (leaving: readonly Peer[], external: string) => [
  fatal(
    `packets to ${namesOf(leaving)} leave by ${external}, as they are, and not by charon's device, which encrypts them: a policy rule, or another route, comes first`,
    `find it (ip rule; ip route get ${leaving[0]?.address}), and remove it: ip rule delete …`,
  ),
]

function ofKernel(facts: Facts, external: string, leaving: readonly Peer[]) {
  const off = ['all', external].find(
    (name) => facts.sysctls.get(`net/ipv4/conf/${name}/disable_xfrm`) === '1',
  )
  const peers = off === undefined ? [] : leaving.filter(({ address }) => !address.includes(':'))
  if (off !== undefined && peers.length > 0) {
    return [
      fatal(
        `net.ipv4.conf.${off}.disable_xfrm is 1: packets to ${namesOf(peers)} leave as they are, and no policy encrypts them`,
        `sysctl -w net.ipv4.conf.${off.replaceAll('.', '/')}.disable_xfrm=0`,
      ),
    ]
  }
  if (facts.policies === undefined) return []
  const own = ownLease(facts)
  const policyOf = policyFinder(facts.policies)
  return leaving.flatMap((peer) => {
    const subnet = peer.address.includes(':') ? own?.ipv6Subnet : own?.subnet
    if (subnet === undefined) return []
    const policy = policyOf(addressIn(subnet), peer.address)
    if (policy === undefined) {
      return [
        fatal(
          `no policy of IPsec is for packets from ${subnet} to ${namesOf([peer])}: they leave as they are`,
          'the agent writes it again: systemctl restart selvedged; keep others from flushing policies (ip xfrm policy flush)',
        ),
      ]
    }
    if (policy.action !== 'plain') return []
    const { source, destination, priority } = policy
    return [
      fatal(
        `a policy of IPsec of priority ${priority}, from ${source} to ${destination}, lets packets to ${namesOf([peer])} leave as they are: it comes before the one that encrypts them, or may, as the older of two of one priority`,
        `ip xfrm policy delete src ${source} dst ${destination} dir out`,
      ),
    ]
  })
}

/**
 * The policy that a packet between two addresses meets. Of equal ones the kernel takes the older, which it does not say: here
 * it is the one that lets packets pass. There is a policy for each of thousands of peers, so they are found by what they are
 * for.
 */
export function policyFinder(policies: readonly OutPolicy[]) {
  const byDestination = new Map<string, OutPolicy[]>()
  const lengths = new Set<number>()
  for (const policy of policies) {
    const destination = parseCidr(policy.destination)
    if (destination === undefined || parseCidr(policy.source) === undefined) continue
    lengths.add(destination.length)
    const key = keyOf(destination)
    byDestination.set(key, [...(byDestination.get(key) ?? []), policy])
  }
  return (source: string, destination: string): OutPolicy | undefined =>
    [...lengths]
      .flatMap((length) => {
        // None of IPv4 has a length of IPv6.
        const network = parseCidr(`${destination}/${length}`)
        return network === undefined ? [] : (byDestination.get(keyOf(network)) ?? [])
      })
      .filter((policy) => containsAddress(policy.source, source))
      .sort(
        (a, b) => a.priority - b.priority || Number(b.action === 'plain') - Number(a.action === 'plain'),
      )[0]
}

const keyOf = ({ family, base, length }: Cidr): string => `${family} ${base}/${length}`

const namesOf = (peers: readonly Peer[]): string => {
  const shown = peers.slice(0, MAX_SHOWN).map(({ subnet, key }) => `${subnet} (${printable(key)})`)
  const more = peers.length - shown.length
  return `${shown.join(', ')}${more > 0 ? ` and ${count(more, 'peer')} more` : ''}`
}
