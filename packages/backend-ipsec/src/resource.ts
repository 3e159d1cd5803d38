import type { Resource } from '@selvedge/core'
import { canonicalAddress, canonicalCidr } from '@selvedge/core/kit'

/** One entry of the kernel's IPsec policies (`ip xfrm policy`): what becomes of packets from one network to another. */
export interface XfrmPolicyResource extends Resource {
  readonly kind: 'xfrm-policy'
  /** `out`: what leaves this host; `fwd`: what passes through it; `in`: what is for it. */
  readonly direction: 'in' | 'out' | 'fwd'
  /** CIDR. */
  readonly source: string
  /** CIDR. */
  readonly destination: string
  /** `block`: it is dropped. `allow`: it passes as it is, or, with a tunnel, in that. */
  readonly action: 'allow' | 'block'
  /** Of several policies for a packet, the one with the lowest counts. */
  readonly priority: number
  /** The ends of the ESP tunnel; absent if it passes as it is, or not at all. */
  readonly tunnel?: { readonly source: string; readonly destination: string } | undefined
}

/** A charon of our own. */
export interface IkeDaemonResource extends Resource {
  readonly kind: 'ike-daemon'
  /** Whether ESP is done by charon itself, by kernel-libipsec, instead of by the kernel. */
  readonly userspace: boolean
  /** What its connections share. A charon with others is replaced, with its sessions. */
  readonly udpEncap: boolean
  /** The ciphers of ESP as strongSwan writes them, such as `aes128gcm16-sha256-prfsha256-ecp256`. */
  readonly espProposal: string
}

/** That charon knows the PSK as an address's. The PSK itself is the driver's alone. */
export interface IkeSecretResource extends Resource {
  readonly kind: 'ike-secret'
  /** The network (CIDR) whose PSK it is. */
  readonly network: string
  /** The public address of this node or of a peer, by which they identify themselves. */
  readonly owner: string
  /** Whether it is the PSK of now: charon, which tells none, may have kept another from an earlier run. */
  readonly current: boolean
}

/** A connection to one peer in one family, as charon has it. */
export interface IkeConnectionResource extends Resource {
  readonly kind: 'ike-connection'
  /** As flannel names it: addresses and subnets of this node, then of the peer. */
  readonly name: string
  /** The external interface's address. */
  readonly localAddress: string
  /** The peer's public address. */
  readonly remoteAddress: string
  /** The public address of this node: another than the interface's behind a NAT. */
  readonly localId: string
  /** CIDR. */
  readonly localSubnet: string
  /** CIDR. */
  readonly remoteSubnet: string
}

/** What the driver of charon holds. */
export type IkeResource = IkeDaemonResource | IkeSecretResource | IkeConnectionResource

/** What the kernel tells policies apart by. */
export const xfrmPolicyKey = ({
  direction,
  source,
  destination,
}: Pick<XfrmPolicyResource, 'direction' | 'source' | 'destination'>): string =>
  `xfrm-policy ${direction} ${source} ${destination}`

export function xfrmPolicy(fields: Omit<XfrmPolicyResource, 'kind' | 'key'>): XfrmPolicyResource {
  const source = canonicalCidr(fields.source)
  const destination = canonicalCidr(fields.destination)
  const { direction, action, priority, tunnel } = fields
  return {
    kind: 'xfrm-policy',
    key: xfrmPolicyKey({ direction, source, destination }),
    direction,
    source,
    destination,
    action,
    priority,
    tunnel: tunnel && {
      source: canonicalAddress(tunnel.source),
      destination: canonicalAddress(tunnel.destination),
    },
  }
}

export const ikeDaemon = (fields: Omit<IkeDaemonResource, 'kind' | 'key'>): IkeDaemonResource => ({
  kind: 'ike-daemon',
  key: 'ike-daemon charon',
  ...fields,
})

export const ikeSecret = ({
  network,
  owner,
  current = true,
}: Pick<IkeSecretResource, 'network' | 'owner'> & { readonly current?: boolean }): IkeSecretResource => ({
  kind: 'ike-secret',
  key: `ike-secret ${network} ${owner}`,
  network,
  owner,
  current,
})

export const ikeConnection = (
  fields: Omit<IkeConnectionResource, 'kind' | 'key' | 'name'>,
): IkeConnectionResource => {
  const name = `${fields.localId}-${fields.localSubnet}-${fields.remoteSubnet}-${fields.remoteAddress}`
  return { kind: 'ike-connection', key: `ike-connection ${name}`, name, ...fields }
}
