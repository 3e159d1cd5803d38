import { type AbortOptions, OverlayError } from '@selvedge/core'
import type { LinkResource } from '@selvedge/core/kit'
import type { LinkTypes } from '../link-types/index.js'
import { type NetlinkConnection, NetlinkError } from '../netlink/index.js'
import { decodeSettings, LinkTable } from '../read/link-table.js'
import { IFF_UP } from '../rtnetlink/index.js'
import { describeUdpPortHolder } from './udp-port-holder.js'

export interface ExplainContext {
  readonly connection: NetlinkConnection
  readonly linkTypes: LinkTypes
  /** The network namespace of the connection, by path; the process's own if undefined. */
  readonly namespace: string | undefined
  readonly options: AbortOptions
}

/** The error of a link that was to be created or set up, which names what stands in its way if that can be found. */
export async function explainLinkError(
  context: ExplainContext,
  desired: LinkResource,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof NetlinkError) || error.errno === undefined) return error
  const find = FINDERS.get(error.errno)
  const remedy = await find?.(context, desired)
  if (remedy === undefined) return error
  return new OverlayError('RESOURCE_CONFLICT', `${error.message}. ${remedy}`, {
    errno: error.errno,
    cause: error,
  })
}

/** The kernel answers EEXIST both for a name and for settings that another link has. Says which link has them. */
async function findTwin(
  context: ExplainContext,
  { name, type, settings }: LinkResource,
): Promise<string | undefined> {
  const conflictOf = context.linkTypes.get(type)?.conflict
  if (settings === undefined || conflictOf === undefined) return undefined
  const links = await LinkTable.read(context.connection, context.options)
  for (const rival of links.links) {
    const rivalSettings = rival.kind === type ? decodeSettings(rival, links, context.linkTypes) : undefined
    const conflict = rivalSettings === undefined ? undefined : conflictOf(settings, rivalSettings)
    if (conflict === undefined || rival.name === name) continue
    return (
      `Link ${rival.name} has ${conflict}, and is not ours: delete it (ip link del ${rival.name}), ` +
      'or choose other settings for the network'
    )
  }
  return undefined
}

/**
 * A link that is up listens on its UDP port, and shares it with links of the same options alone. A link that was made in
 * another network namespace listens there.
 */
async function findPortHolder(
  context: ExplainContext,
  { name, type, settings = {} }: LinkResource,
): Promise<string | undefined> {
  const { linkTypes, connection, namespace, options } = context
  const own = linkTypes.get(type)?.listensOn?.(settings)
  if (own === undefined) return undefined
  const other = 'or choose another port for the network (Port in its Backend)'
  const links = await LinkTable.read(connection, options)
  for (const rival of links.links) {
    if (rival.name === name || rival.parentElsewhere || (rival.flags & IFF_UP) === 0) continue
    const rivalSettings = decodeSettings(rival, links, linkTypes)
    const listens = rivalSettings && linkTypes.get(rival.kind ?? '')?.listensOn?.(rivalSettings)
    if (listens?.port !== own.port) continue
    if (listens.family !== undefined && own.family !== undefined && listens.family !== own.family) continue
    return (
      `Link ${rival.name} (${rival.kind}) listens on UDP port ${own.port}, and shares it with no link of other ` +
      `options: delete it (ip link del ${rival.name}), ${other}`
    )
  }
  return (
    `UDP port ${own.port} is taken. ${await describeUdpPortHolder(own.port, namespace)}. ` +
    `Stop or delete what holds it (ss -lunp 'sport = :${own.port}' lists it on the host), ${other}`
  )
}

const FINDERS = new Map([
  ['EEXIST', findTwin],
  ['EADDRINUSE', findPortHolder],
])
