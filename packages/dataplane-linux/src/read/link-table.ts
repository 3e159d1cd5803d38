import type { AbortOptions, OwnershipScope } from '@selvedge/core'
import { type LinkResource, type LinkSettings, link } from '@selvedge/core/kit'
import { decodeLinkSettings, type LinkTypes } from '../link-types/index.js'
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

  byName(name: string): LinkMessage | undefined {
    return this.links.find((link) => link.name === name)
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
 * Whether a link belongs to the overlay: by its mark, or by its name if it is of a link type of ours. No bridge or
 * network card becomes ours by its name.
 */
export function isOwnLink(
  { name, alias, kind = '' }: LinkMessage,
  scope: OwnershipScope,
  types: LinkTypes,
): boolean {
  if (alias !== undefined && scope.aliases.includes(alias)) return true
  return scope.links.includes(name) && types.has(kind)
}

/** A link as a resource. Its settings are left out if its type is unknown. */
export function linkResource(
  message: LinkMessage,
  links: LinkTable,
  types: LinkTypes,
  acceptRouterAdvertisements: boolean,
): LinkResource {
  const { name, kind = '', mtu, address, flags, alias } = message
  return link({
    name,
    type: kind,
    mtu,
    // A link that is not Ethernet has an address of another length, or none.
    macAddress: address?.length === 17 ? address : undefined,
    up: (flags & IFF_UP) !== 0,
    alias,
    acceptRouterAdvertisements,
    settings: decodeSettings(message, links, types),
  })
}

export function decodeSettings(
  { kind = '', data, parentElsewhere }: LinkMessage,
  links: LinkTable,
  types: LinkTypes,
): LinkSettings | undefined {
  const type = types.get(kind)
  if (data === undefined || type === undefined) return undefined
  const nameOf = (index: number): string | undefined => (parentElsewhere ? undefined : links.nameOf(index))
  return decodeLinkSettings(type, data, nameOf)
}

/**
 * What matters about a link to an overlay. The kernel sends notifications of a link on many occasions, such as each
 * port that joins a bridge; only a change of the fingerprint counts.
 */
export function fingerprint(message: LinkMessage): string {
  const { name, flags, mtu, address, kind, alias, parent } = message
  return `${name} ${flags & IFF_UP} ${mtu} ${address} ${kind} ${alias} ${parent}`
}
