import {
  type Backend,
  type Lease,
  type LeaseContext,
  type NetworkConfig,
  OverlayError,
  type Resource,
} from '@selvedge/core'
import {
  describeLease,
  type FamilyParts,
  IPV4_PARTS,
  IPV6_PARTS,
  type PeerAddresses,
  peerAddresses,
  publicAddresses,
} from '@selvedge/core/kit'
import { command, STARTUP } from './commands/index.js'
import { readSettings, settingsWarnings, TYPE } from './settings.js'

/** What the pure backend needs to know of what has been done before. */
export interface Loaded {
  /** What `PreStartupCommand` has printed; undefined without one. */
  readonly published: string | undefined
  /** See `CommandResource.startup`. */
  readonly startup: string
  readonly drivers: NonNullable<Backend['drivers']>
}

export function extensionBackend({ published, startup, drivers }: Loaded): Backend {
  return {
    type: TYPE,
    warnings: ({ config }) => settingsWarnings(config),
    mtu: ({ externalInterface }) => externalInterface.mtu,
    attributes: (context) => ({
      ...publicAddresses(context),
      backendType: TYPE,
      ...(published !== undefined && { backendData: published }),
    }),
    local(context) {
      const { postStartup, shutdown } = readSettings(context.config)
      publicAddresses(context)
      if (postStartup === undefined && shutdown === undefined) return []
      const environment = variables(context.config, (parts) => ({
        subnet: context.lease[parts.subnet],
        publicAddress: context[parts.publicAddress],
      }))
      const input = published ?? ''
      return [command({ what: STARTUP, subject: 'this node', add: postStartup, environment, input, startup })]
    },
    peer: (lease, context) => (lease.attributes.backendType === TYPE ? peer(lease, context, startup) : []),
    drivers,
  }
}

function peer(lease: Lease, { config }: LeaseContext, startup: string): Resource[] {
  const { subnetAdd, subnetRemove } = readSettings(config)
  if (subnetAdd === undefined && subnetRemove === undefined) return []
  const environment = variables(config, (parts) => peerAddresses(lease, parts))
  const subnets = [environment.SUBNET, environment.IPV6SUBNET].filter((subnet) => subnet !== '')
  if (subnets.length === 0) return []
  return [
    command({
      what: identityOf(lease, config),
      subject: subnets.join(' and '),
      add: subnetAdd,
      remove: subnetRemove,
      environment,
      input: publishedBy(lease),
      startup,
    }),
  ]
}

/**
 * An overlay asks about each family of a lease by itself, and about both if their resources have one key: there is one
 * command for both, so in a network of both its key is the node's addresses, which each half has.
 */
function identityOf({ subnet, ipv6Subnet, attributes }: Lease, { ipv4, ipv6 }: NetworkConfig): string {
  if (ipv6 === undefined) return `${subnet}`
  if (ipv4 === undefined) return `${ipv6Subnet}`
  return [attributes.publicIp, attributes.publicIpv6].filter((address) => address !== undefined).join(' ')
}

/** What a peer's `PreStartupCommand` has printed. */
function publishedBy(lease: Lease): string {
  const data = lease.attributes.backendData ?? ''
  if (typeof data === 'string') return data
  throw new OverlayError(
    'INVALID_LEASE',
    `${describeLease(lease)} is not usable: its BackendData is not text, as that of an extension is; correct or delete it`,
  )
}

/** Where a node is, in one family. */
type Place = { readonly [K in keyof PeerAddresses]?: string | undefined }

/**
 * The variables of a command about a node. What a family that is off would have is an empty text, and so is what is not
 * known: a script need not ask whether it is set.
 */
export function variables(config: NetworkConfig, placeOf: (parts: FamilyParts) => Place | undefined) {
  const place = (parts: FamilyParts) => (config[parts.network] === undefined ? undefined : placeOf(parts))
  const [ipv4, ipv6] = [place(IPV4_PARTS), place(IPV6_PARTS)]
  return {
    NETWORK: config.ipv4?.network ?? '',
    SUBNET: ipv4?.subnet ?? '',
    PUBLIC_IP: ipv4?.publicAddress ?? '',
    IPV6NETWORK: config.ipv6?.network ?? '',
    IPV6SUBNET: ipv6?.subnet ?? '',
    PUBLIC_IPV6: ipv6?.publicAddress ?? '',
  }
}
