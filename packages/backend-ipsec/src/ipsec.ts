import {
  type Backend,
  type BackendLoader,
  type Lease,
  type LeaseContext,
  type NetworkConfig,
  OverlayError,
  type Resource,
} from '@selvedge/core'
import {
  address,
  anything,
  baseAddress,
  checkOptions,
  contains,
  enabledFamilies,
  type FamilyParts,
  flag,
  interfaceAddress,
  invalidField,
  link,
  path,
  peerAddresses,
  publicAddresses,
  type RouteResource,
  requireCidr,
  route,
  type Shapes,
  text,
} from '@selvedge/core/kit'
import { DEFAULT_FOLDER, ikeDriver } from './charon/driver.js'
import { findCharon } from './charon/find.js'
import { leftoversOf } from './leftovers.js'
import { ikeConnection, ikeDaemon, ikeSecret, xfrmPolicy } from './resource.js'
import { podMtu, readSettings, SECTION } from './settings.js'
import { isUserspace } from './userspace.js'
import { xfrmDriver } from './xfrm/driver.js'
import { PRIORITY } from './xfrm/policy.js'

const TYPE = 'ipsec'

/**
 * Holds this host's address in its own subnet if charon itself does ESP: without one, strongSwan 5.9 makes no route to a
 * peer. No packet is sent to it.
 */
const DEVICE = 'flannel-ipsec'

/** Behind every other route of the network: what no route of charon's takes goes nowhere. */
const GUARD_METRIC = 4_000_000_000

/** Which charon is used, and how. */
export interface IpsecOptions {
  /** charon's path. Default: it is looked for where flannel looks, in the PATH first. */
  readonly charon?: string | undefined
  /** Where the charon that is started keeps its configuration, socket and log. Default: `/run/selvedge/ipsec`. */
  readonly folder?: string | undefined
  /**
   * An existing charon is used, and none started: `unix:///run/charon.vici` or `tcp://127.0.0.1:4502`. It must be in
   * this process's network namespace.
   */
  readonly viciUri?: string | undefined
  /** After how many seconds the keys of a tunnel are replaced, 10 to 86,400. Default: 3600, flannel's. */
  readonly rekeySeconds?: number | undefined
}

const SHAPES: Shapes<IpsecOptions> = { charon: path, folder: path, viciUri: text, rekeySeconds: anything }

/** For `ipsecBackend`. */
export interface IpsecBackendOptions extends IpsecOptions {
  /** Take secrets that charon has for those of the config: for a plan. Default: false, they are loaded again. */
  readonly trustsSecrets?: boolean | undefined
}

/**
 * The ipsec backend, compatible with flannel's: packets between hosts travel encrypted, by strongSwan's charon and the
 * kernel's ESP, or charon's own if the kernel has none. When a network config names it, it finds out which, and rejects
 * with an OverlayError `UNSUPPORTED` if there is no charon. Throws `INVALID_CONFIG` for an option out of range, a TypeError
 * for one that does not exist or is of another type.
 */
export function ipsec(options: IpsecOptions = {}): BackendLoader {
  checkOptions<IpsecOptions>('ipsec()', options, SHAPES)
  requireRekeySeconds(options)
  return {
    type: TYPE,
    sendsPlain,
    leftovers: (context, { signal }) => leftoversOf(networksOf(context.config), options, signal),
    load: (context, { signal }) => load(context.config, options, signal),
    preview: async (context, { signal }) => ({
      backend: await load(context.config, { ...options, trustsSecrets: true }, signal),
      unknown: [
        'which PSKs a charon that runs has: it tells none, so a start loads them again, and those of its secrets that have ' +
          'the right names are taken for right here',
      ],
    }),
  }
}

/** It finds out by looking alone: a start and a plan do the same. */
async function load(
  config: NetworkConfig,
  options: IpsecBackendOptions,
  signal: AbortSignal | undefined,
): Promise<Backend> {
  // What is wrong for every host comes before what this one lacks.
  readSettings(config)
  const charon = options.viciUri === undefined ? await findCharon(options.charon) : undefined
  return ipsecBackend(await isUserspace({ ...options, charon, signal }), { ...options, charon })
}

function requireRekeySeconds({ rekeySeconds: seconds }: IpsecOptions): void {
  if (seconds === undefined || (Number.isInteger(seconds) && seconds >= 10 && seconds <= 86_400)) return
  throw invalidField(
    'rekeySeconds',
    seconds,
    'must be a whole number from 10 to 86400',
    'the options of ipsec',
  )
}

/** The same once it is known whether charon itself is to do ESP: a pure function of that. */
export function ipsecBackend(userspace: boolean, options: IpsecBackendOptions = {}): Backend {
  checkOptions<IpsecBackendOptions>('ipsecBackend()', options, { ...SHAPES, trustsSecrets: flag })
  const { folder = DEFAULT_FOLDER, viciUri } = options
  return {
    type: TYPE,
    requires: userspace ? ['tun'] : [],
    warnings: ({ config }) => SECTION.warnings(config),
    mtu: (context) => podMtu(context, userspace),
    // Like flannel's, it publishes no data.
    attributes: (context) => ({ ...publicAddresses(context), backendType: TYPE }),
    local: (context) => [
      ...shared(context, userspace, viciUri),
      ...enabledFamilies(context.config).flatMap((parts) => local(context, parts, userspace)),
    ],
    peer: (lease, context) =>
      lease.attributes.backendType === TYPE
        ? enabledFamilies(context.config).flatMap((parts) => peer(lease, context, parts, userspace))
        : [],
    // If charon does ESP, no route of the overlay's leads anywhere.
    sendsPlain: userspace ? ({ type }) => type === 'unicast' : sendsPlain,
    drivers: ({ config }) => [
      ...(userspace ? [] : [xfrmDriver()]),
      ikeDriver({ ...options, folder, userspace, settings: readSettings(config) }),
    ],
  }
}

/** See `Backend.sendsPlain`. A route to a whole network is this backend's own, or another tunnel's: policies decide there. */
export const sendsPlain = ({ type, destination, gateway }: RouteResource, config: NetworkConfig): boolean =>
  type === 'unicast' && !(gateway === undefined && networksOf(config).includes(destination))

const networksOf = (config: NetworkConfig): readonly string[] =>
  enabledFamilies(config).flatMap((parts) => config[parts.network]?.network ?? [])

/** What is there once, whatever the families: a charon of our own, and the device of this host's addresses. */
function shared(context: LeaseContext, userspace: boolean, viciUri: string | undefined): Resource[] {
  const { udpEncap, espProposal } = readSettings(context.config)
  return [
    ...(viciUri === undefined ? [ikeDaemon({ userspace, udpEncap, espProposal })] : []),
    ...(userspace ? [link({ name: DEVICE, type: 'tun', mtu: podMtu(context, userspace) })] : []),
  ]
}

/** What keeps packets from leaving in plain while there is no tunnel for them, and the PSK of this node. */
function local(context: LeaseContext, parts: FamilyParts, userspace: boolean): Resource[] {
  const { subnet, network, publicAddress } = ownParts(context, parts)
  const secret = ikeSecret({ network, owner: publicAddress })
  // charon routes each peer's subnet to its TUN device, in a table that comes first.
  if (userspace) {
    return [
      secret,
      address({ link: DEVICE, address: baseAddress(subnet), prefixLength: parts.bits }),
      route({ destination: network, type: 'blackhole', metric: GUARD_METRIC }),
    ]
  }
  const { name, onLink } = context.externalInterface
  return [
    secret,
    ...both(subnet, network, 'block'),
    ...both(subnet, subnet, 'allow'),
    // Hosts of the underlay inside the network are reached as they are, as with the longer route to them.
    ...onLink
      .filter((one) => one !== network && contains(requireCidr(network), requireCidr(one)))
      .flatMap((one) => both(subnet, one, 'allow')),
    // Without policies, as after a flush, packets for pods are asked for on the link, where none is: none gets away.
    route({ destination: network, device: name }),
  ]
}

/** A policy for what goes from the subnet to a network, and those for what comes from there. */
function both(subnet: string, network: string, action: 'allow' | 'block'): Resource[] {
  const priority = PRIORITY[action]
  return [
    xfrmPolicy({ direction: 'out', source: subnet, destination: network, action, priority }),
    xfrmPolicy({ direction: 'in', source: network, destination: subnet, action, priority }),
    xfrmPolicy({ direction: 'fwd', source: network, destination: subnet, action, priority }),
  ]
}

function peer(lease: Lease, context: LeaseContext, parts: FamilyParts, userspace: boolean): Resource[] {
  const addresses = peerAddresses(lease, parts)
  if (addresses === undefined) return []
  const own = ownParts(context, parts)
  const remote = addresses.publicAddress
  const localAddress = interfaceAddress(context, parts)
  const outward = { source: localAddress, destination: remote }
  const inward = { source: remote, destination: localAddress }
  const from = { source: addresses.subnet, destination: own.subnet }
  const to = { source: own.subnet, destination: addresses.subnet }
  const policy = { action: 'allow', priority: PRIORITY.tunnel } as const
  const policies = [
    xfrmPolicy({ direction: 'out', ...to, ...policy, tunnel: outward }),
    xfrmPolicy({ direction: 'in', ...from, ...policy, tunnel: inward }),
    xfrmPolicy({ direction: 'fwd', ...from, ...policy, tunnel: inward }),
  ]
  return [
    ...(userspace ? [] : policies),
    ikeSecret({ network: own.network, owner: remote }),
    ikeConnection({
      localAddress,
      remoteAddress: remote,
      localId: own.publicAddress,
      localSubnet: own.subnet,
      remoteSubnet: addresses.subnet,
    }),
  ]
}

function ownParts(context: LeaseContext, parts: FamilyParts) {
  const subnet = context.lease[parts.subnet]
  const network = context.config[parts.network]?.network
  if (subnet === undefined || network === undefined) {
    throw new OverlayError(
      'INVALID_LEASE',
      `${parts.name} is on in the network config, but this node's own lease has no ${parts.name} subnet`,
    )
  }
  return { subnet, network, publicAddress: context[parts.publicAddress] ?? interfaceAddress(context, parts) }
}
