import type { AbortOptions, OwnershipScope } from '@selvedge/core'
import { type LinkResource, link } from '@selvedge/core/kit'
import type { NetlinkConnection } from '../netlink/index.js'
import { IFF_UP, type LinkMessage, readLink, writeGetLink } from '../rtnetlink/index.js'

/** The links of a namespace at the time they were read. */
export class LinkTable {
  readonly links: readonly LinkMessage[]
  readonly #byIndex: ReadonlyMap<number, LinkMessage>

  constructor(links: readonly LinkMessage[]) {
    this.links = links
    this.#byIndex = new Map(links.map((link) => [link.index, link]))
  }

  static async read(connection: NetlinkConnection, options: AbortOptions): Promise<LinkTable> {
    return new LinkTable(await connection.dump('reading links', writeGetLink, readLink, options))
  }

  byIndex(index: number): LinkMessage | undefined {
    return this.#byIndex.get(index)
  }

  nameOf(index: number): string | undefined {
    return this.#byIndex.get(index)?.name
  }
}

/** The link of this name, if it exists. */
export async function findLink(
  connection: NetlinkConnection,
  name: string,
  options: AbortOptions,
): Promise<LinkMessage | undefined> {
  const found = await connection.request(
    `looking up link ${name}`,
    (writer, flags, sequence) => writeGetLink(writer, flags, sequence, { name }),
    readLink,
    { ...options, absence: ['ENODEV'] },
  )
  return found[0]
}

/**
 * Link types of tunnels. A link without our mark but with a name that we use is adopted only if it is of one of these:
 * no bridge or network card becomes ours by its name.
 */
const TUNNEL_KINDS: ReadonlySet<string | undefined> = new Set([
  'vxlan',
  'ipip',
  'sit',
  'ip6tnl',
  'wireguard',
  'tun',
])

/** Whether a link belongs to the overlay: by its mark, or by its name if it is a tunnel. */
export function isOwnLink({ name, alias, kind }: LinkMessage, scope: OwnershipScope): boolean {
  if (alias !== undefined && scope.aliases.includes(alias)) return true
  return scope.links.includes(name) && TUNNEL_KINDS.has(kind)
}

/** A link as a resource. */
export function linkResource(
  message: LinkMessage,
  parentName: string | undefined,
  acceptRouterAdvertisements: boolean,
): LinkResource {
  const { name, kind, mtu, address, flags, alias, vxlan, parentElsewhere } = message
  return link({
    name,
    type: kind ?? '',
    mtu,
    // A link that is not Ethernet has an address of another length, or none.
    macAddress: address?.length === 17 ? address : undefined,
    up: (flags & IFF_UP) !== 0,
    alias,
    acceptRouterAdvertisements,
    vxlan:
      vxlan === undefined
        ? undefined
        : {
            vni: vxlan.vni ?? 0,
            port: vxlan.port ?? 0,
            local: vxlan.local,
            parent: parentElsewhere ? undefined : parentName,
            learning: vxlan.learning ?? false,
            gbp: vxlan.gbp ?? false,
          },
  })
}

/**
 * What matters about a link to an overlay. The kernel sends notifications of a link on many occasions, such as each
 * port that joins a bridge; only a change of the fingerprint counts.
 */
export function fingerprint(message: LinkMessage): string {
  const { name, flags, mtu, address, kind, alias, parent } = message
  return `${name} ${flags & IFF_UP} ${mtu} ${address} ${kind} ${alias} ${parent}`
}
