import { canonicalCidr, containsAddress, printable } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import { type Check, fatal, warning } from '../finding.js'
import { externalOf, hostAddresses, nodeOf, ownLease } from './known.js'

export const identityChecks: readonly Check[] = [
  {
    id: 'identity.interface-gone',
    title: 'the interface that packets to peers leave by is there',
    find: (facts) => {
      const name = nodeOf(facts)?.externalInterface.name
      if (name === undefined || facts.network === undefined || externalOf(facts) !== undefined) return []
      return [
        fatal(
          `${name}, which packets to peers leave by, is gone`,
          'bring it back, or name another one: selvedged --iface=…',
        ),
      ]
    },
  },
  {
    id: 'identity.interface-down',
    title: 'the interface that packets to peers leave by is up',
    find: (facts) => {
      const link = externalOf(facts)
      if (link === undefined || link.flags.includes('UP')) return []
      return [
        fatal(`${link.ifname}, which packets to peers leave by, is down`, `ip link set ${link.ifname} up`),
      ]
    },
  },
  {
    id: 'identity.no-carrier',
    title: 'the interface that packets to peers leave by has a carrier',
    find: (facts) => {
      const link = externalOf(facts)
      if (link === undefined || !link.flags.includes('NO-CARRIER')) return []
      return [
        fatal(
          `${link.ifname}, which packets to peers leave by, has no carrier`,
          'look at its cable, or its other end',
        ),
      ]
    },
  },
  {
    id: 'identity.address-not-borne',
    title: 'an interface bears the published address',
    find: (facts) => {
      const own = ownLease(facts)
      if (own === undefined || facts.network === undefined) return []
      const borne = hostAddresses(facts)
      const { publicIp, publicIpv6 } = facts.settings
      return (
        [own.publicIp, own.publicIpv6]
          .filter((address) => address !== undefined)
          // Named by flag: behind NAT that is right.
          .filter((address) => address !== publicIp && address !== publicIpv6)
          .filter((address) => !borne.has(address))
          .map((address) =>
            warning(
              `no interface of this host bears ${address}, which it publishes to its peers`,
              `ip address add ${address} dev ${externalOf(facts)?.ifname ?? '…'}, or restart selvedged to publish another; if a NAT in front of the host has it, and forwards the backend's port, give doctor the agent's --public-ip`,
            ),
          )
      )
    },
  },
  {
    id: 'identity.address-deprecated',
    title: 'the published address is not deprecated, tentative or a duplicate',
    find: (facts) => {
      const { publicIp, publicIpv6 } = ownLease(facts) ?? {}
      return (facts.network?.links ?? []).flatMap(({ ifname, addr_info }) =>
        addr_info
          .filter(({ local }) => local === publicIp || local === publicIpv6)
          .flatMap(({ local, prefixlen, deprecated, dadfailed, tentative }) => {
            if (dadfailed) {
              return [
                fatal(
                  `another host on ${ifname}'s network has ${local}, too, which this one publishes`,
                  'give one of the two another address',
                ),
              ]
            }
            if (!deprecated && !tentative) return []
            return [
              warning(
                `${local}, which this host publishes, is ${deprecated ? 'deprecated: its lease by DHCP or router has not been renewed' : 'tentative'}`,
                `renew it, or: ip address change ${local}/${prefixlen} dev ${ifname} preferred_lft forever valid_lft forever`,
              ),
            ]
          }),
      )
    },
  },
  {
    id: 'identity.virtual-address',
    title: 'the published address stays with this host, and is no virtual one that moves',
    find: (facts) => {
      const own = ownLease(facts)
      const published = [own?.publicIp, own?.publicIpv6]
      return (facts.network?.links ?? []).flatMap(({ ifname, addr_info }) =>
        addr_info.flatMap(({ local, family, prefixlen }) => {
          if (!published.includes(local) || prefixlen !== (family === 'inet' ? 32 : 128)) return []
          // keepalived and the like add a host's address beside the one of the network, which is the host's own.
          const stays = addr_info.find(
            (each) =>
              each.local !== local &&
              each.family === family &&
              each.prefixlen < prefixlen &&
              containsAddress(canonicalCidr(`${each.local}/${each.prefixlen}`), local),
          )
          if (stays === undefined) return []
          return [
            warning(
              `this host publishes ${local}/${prefixlen} of ${ifname}, which lies in the network of its own address ${stays.local}/${stays.prefixlen}: a virtual address, which moves to another host`,
              `let the agent publish the one that stays: --public-ip${family === 'inet' ? '' : 'v6'}=${stays.local}`,
            ),
          ]
        }),
      )
    },
  },
  {
    id: 'identity.address-shared',
    title: 'no other lease publishes the address of this host',
    find: (facts) => {
      const { store } = facts
      const own = ownLease(facts)
      if (store?.state !== 'answers' || own === undefined) return []
      return store.leases
        .filter(
          ({ key, publicIp }) =>
            key !== own.key && publicIp !== undefined && publicIp === (own.publicIp ?? own.publicIpv6),
        )
        .map(({ key, publicIp }) =>
          fatal(
            `the lease ${printable(key)} publishes ${publicIp}, as this host's own does: peers send its packets here`,
            `if no host has it: selvedge leases release ${printable(key)} --force; else give one of the two another address (--public-ip)`,
          ),
        )
    },
  },
  {
    id: 'identity.peers-share-address',
    title: 'no two peers publish one address',
    find: (facts) => {
      const { store } = facts
      if (store?.state !== 'answers') return []
      const own = ownLease(facts)
      const holders = new Map<string, string[]>()
      for (const { key, publicIp, backendType } of store.leases) {
        // Several nodes behind one NAT have one address with WireGuard.
        if (publicIp === undefined || publicIp === own?.publicIp || backendType === 'wireguard') continue
        holders.set(publicIp, [...(holders.get(publicIp) ?? []), key])
      }
      return [...holders]
        .filter(([, keys]) => keys.length > 1)
        .map(([address, keys]) => {
          const claims = keys.map((key) => ({ key, answer: answerOf(facts, key) }))
          const shown = claims
            .slice(0, MAX_CLAIMS)
            .map(({ key, answer }) => `${printable(key)} (${ANSWERS[answer]})`)
          const more = claims.length > MAX_CLAIMS ? ` and ${claims.length - MAX_CLAIMS} more` : ''
          return warning(
            `${claims.length} leases publish one address, ${address}: ${shown.join(', ')}${more}`,
            remedyOf(address, claims),
          )
        })
    },
  },
]

const MAX_CLAIMS = 5

/** What echo requests to a lease's own address in the overlay came to. */
type EchoAnswer = 'yes' | 'no' | 'unknown'

const ANSWERS: Readonly<Record<EchoAnswer, string>> = {
  yes: 'it answers',
  no: 'it does not answer',
  unknown: 'not tried',
}

/** A peer without an address in the overlay is tried at the address that several publish: that says nothing of one. */
function answerOf({ paths: { tried } }: Facts, key: string): EchoAnswer {
  const path = tried.find((each) => each.key === key)
  if (path?.overlay !== undefined) return 'yes'
  const isTold = tried.some(({ overlay }) => overlay !== undefined)
  return path === undefined || !isTold ? 'unknown' : 'no'
}

/** The lease of a host that answers is never one to release; nor is any if none answers, as that may have another cause. */
function remedyOf(
  address: string,
  claims: readonly { readonly key: string; readonly answer: EchoAnswer }[],
): string {
  const silent = claims.filter(({ answer }) => answer === 'no')
  const isOneAlive = claims.some(({ answer }) => answer === 'yes')
  if (isOneAlive && silent.length > 0) {
    const releases = silent
      .slice(0, MAX_CLAIMS)
      .map(({ key }) => `selvedge leases release ${printable(key)} --force`)
    return `if no host has what does not answer any more: ${releases.join('; ')}`
  }
  return `find out on the host ${address} which of them it has (selvedge status), then release the others: selvedge leases release KEY --force; if two hosts bear that address, give one of them another`
}
