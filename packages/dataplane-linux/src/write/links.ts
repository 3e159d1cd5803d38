import {
  type AbortOptions,
  isOverlayError,
  type Operation,
  type OperationResult,
  OverlayError,
} from '@selvedge/core'
import { type LinkResource, linkChange } from '@selvedge/core/kit'
import type { Belief } from '../cache/kernel-state.js'
import {
  IFF_UP,
  type LinkMessage,
  type LinkRequest,
  type NetlinkConnection,
  NLM_F_CREATE,
  NLM_F_EXCL,
  writeDeleteLink,
  writeNewLink,
} from '../netlink/index.js'
import { findLink, fingerprint, LinkTable, linkResource } from '../read/link-table.js'
import type { Sysctl } from '../sysctl.js'
import { describe, SUCCESS, SUCCESS_STALE } from './outcome.js'

export interface LinkContext {
  readonly connection: NetlinkConnection
  readonly sysctl: Sysctl
  readonly belief: Belief
  readonly options: AbortOptions
}

/** Makes, changes, makes anew or deletes one link. */
export async function applyLink(
  context: LinkContext,
  operation: Operation<LinkResource>,
): Promise<OperationResult> {
  try {
    const { resource } = operation
    return await (operation.type === 'put' ? putLink(context, resource) : deleteLink(context, resource))
  } catch (error) {
    context.options.signal?.throwIfAborted()
    const known = OverlayError.from(error, 'KERNEL_REFUSED', describe(operation))
    return { ok: false, error: known, stale: known.errno === 'ENODEV' }
  }
}

async function putLink(context: LinkContext, wish: LinkResource): Promise<OperationResult> {
  const held = await findLink(context.connection, wish.name, context.options)
  if (held === undefined) {
    await createLink(context, wish)
    return SUCCESS_STALE
  }
  if ((held.kind ?? '') !== wish.type) throw conflict(wish, held)
  const actual = await describeHeld(context, held)
  switch (linkChange(actual, wish)) {
    case 'none':
      return SUCCESS
    case 'change':
      await changeLink(context, held, actual, wish)
      return takesMoreWithIt(actual, wish) ? SUCCESS_STALE : SUCCESS
    case 'recreate':
      await remove(context, held)
      await createLink(context, wish)
      return SUCCESS_STALE
  }
}

/** RFC 8200, 5: a link of a smaller MTU carries no IPv6, and Linux takes IPv6 off it. */
const LEAST_IPV6_MTU = 1280

/** With its MAC a link loses its neighbours, going down its routes, and below the least MTU its IPv6. */
function takesMoreWithIt(actual: LinkResource, { up, mtu, macAddress }: LinkResource): boolean {
  const hasIPv6 = (bytes: number | undefined): boolean => (bytes ?? 0) >= LEAST_IPV6_MTU
  return (
    up !== actual.up ||
    (macAddress !== undefined && macAddress !== actual.macAddress) ||
    (mtu !== undefined && hasIPv6(mtu) !== hasIPv6(actual.mtu))
  )
}

async function describeHeld(
  { connection, sysctl, options }: LinkContext,
  held: LinkMessage,
): Promise<LinkResource> {
  const accepts = sysctl.acceptRouterAdvertisements([held.name]).get(held.name) ?? false
  const parent = held.vxlan?.parent
  if (parent === undefined) return linkResource(held, undefined, accepts)
  const links = await LinkTable.read(connection, options)
  return linkResource(held, links.nameOf(parent), accepts)
}

async function createLink(context: LinkContext, wish: LinkResource): Promise<void> {
  const { name, type, mtu, macAddress, vxlan } = wish
  const parent = vxlan?.parent === undefined ? undefined : await requireParent(context, wish, vxlan.parent)
  const request: LinkRequest = {
    name,
    mtu,
    address: macAddress,
    kind: type,
    vxlan: vxlan === undefined ? undefined : { ...vxlan, parent: parent?.index },
  }
  try {
    await send(context, `creating ${type} link ${name}`, NLM_F_CREATE | NLM_F_EXCL, request)
  } catch (error) {
    throw await explainCreation(context, wish, error)
  }
  // What the kernel does not take while it makes a link: its alias, and settings that must hold before it is up.
  const made = await findLink(context.connection, name, context.options)
  if (made === undefined) throw gone(name)
  await changeLink(context, made, linkResource(made, vxlan?.parent, true), wish)
}

async function changeLink(
  context: LinkContext,
  held: LinkMessage,
  actual: LinkResource,
  wish: LinkResource,
): Promise<void> {
  const { belief, sysctl, connection, options } = context
  const { name } = wish
  const { acceptRouterAdvertisements: accept } = wish
  if (accept !== undefined && accept !== actual.acceptRouterAdvertisements) {
    sysctl.setAcceptRouterAdvertisements(name, accept)
  }
  const request: LinkRequest = {
    index: held.index,
    // Even to set what is set already would drop every neighbour of the link.
    address: wish.macAddress === actual.macAddress ? undefined : wish.macAddress,
    mtu: wish.mtu === actual.mtu ? undefined : wish.mtu,
    alias: wish.alias === actual.alias ? undefined : wish.alias,
    up: wish.up === actual.up ? undefined : wish.up,
  }
  await send(context, `setting ${settingsText(request)} of link ${name}`, 0, request)
  const changed = await findLink(connection, name, options)
  if (changed === undefined) throw gone(name)
  belief.ownLinks.set(changed.index, name)
  belief.watch(changed, fingerprint(changed))
}

/** Such as `mtu 1400 and up true`. */
function settingsText({ index: _, ...settings }: LinkRequest): string {
  const set = Object.entries(settings).filter(([, value]) => value !== undefined)
  return set.map(([name, value]) => `${name} ${value}`).join(' and ') || 'nothing'
}

async function deleteLink(context: LinkContext, resource: LinkResource): Promise<OperationResult> {
  const held = await findLink(context.connection, resource.name, context.options)
  if (held === undefined) return SUCCESS
  if ((held.kind ?? '') !== resource.type) throw conflict(resource, held)
  await remove(context, held)
  return SUCCESS_STALE
}

async function remove({ connection, belief, options }: LinkContext, held: LinkMessage): Promise<void> {
  // The kernel tells of it while it is being done.
  belief.ownLinks.delete(held.index)
  belief.watchedLinks.delete(held.index)
  await connection.request(
    `deleting link ${held.name}`,
    (writer, flags, sequence) => writeDeleteLink(writer, flags, sequence, held.index),
    () => undefined,
    { ...options, absence: ['ENODEV'] },
  )
}

async function send(
  { connection, options }: LinkContext,
  attempted: string,
  moreFlags: number,
  request: LinkRequest,
): Promise<void> {
  await connection.request(
    attempted,
    (writer, flags, sequence) => writeNewLink(writer, flags | moreFlags, sequence, request),
    () => undefined,
    options,
  )
}

async function requireParent(
  { connection, options }: LinkContext,
  { name }: LinkResource,
  parentName: string,
): Promise<LinkMessage> {
  const parent = await findLink(connection, parentName, options)
  if (parent !== undefined) return parent
  throw new OverlayError('KERNEL_REFUSED', `creating link ${name}: its parent ${parentName} is not there`, {
    errno: 'ENODEV',
  })
}

/** The kernel says EEXIST both of a name and of a VNI that is taken; says by whom. */
async function explainCreation(
  { connection, options }: LinkContext,
  { name, vxlan }: LinkResource,
  error: unknown,
): Promise<unknown> {
  if (!isOverlayError(error) || error.errno !== 'EEXIST' || vxlan === undefined) return error
  const { links } = await LinkTable.read(connection, options)
  const rival = links.find((link) => link.vxlan?.vni === vxlan.vni && link.name !== name)
  if (rival === undefined) return error
  return new OverlayError(
    'RESOURCE_CONFLICT',
    `${error.message}. Link ${rival.name} holds VNI ${vxlan.vni} on UDP port ${rival.vxlan?.port}, and is not ours: ` +
      `delete it (ip link del ${rival.name}), or give the network another VNI or port`,
    { errno: error.errno, cause: error },
  )
}

function conflict({ name, type }: LinkResource, held: LinkMessage): OverlayError {
  const isUp = (held.flags & IFF_UP) !== 0 ? 'up' : 'down'
  return new OverlayError(
    'RESOURCE_CONFLICT',
    `link ${name} is to be of type ${type}, but there is one of type ${held.kind ?? 'none (hardware)'} (${isUp}) of ` +
      'that name, which is not ours: rename or delete it',
  )
}

const gone = (name: string): OverlayError =>
  new OverlayError('KERNEL_REFUSED', `link ${name} was deleted while it was being set up`, {
    errno: 'ENODEV',
  })
