import { type AbortOptions, type Operation, type OperationResult, OverlayError } from '@selvedge/core'
import { type LinkResource, linkChange } from '@selvedge/core/kit'
import type { KernelState } from '../cache/kernel-state.js'
import { overlayErrorOf } from '../kernel-error.js'
import { type NetlinkConnection, NetlinkError, NLM_F_CREATE, NLM_F_EXCL } from '../netlink/index.js'
import { findLink, fingerprint, LinkTable, linkResource } from '../read/link-table.js'
import {
  IFF_UP,
  type LinkMessage,
  type LinkRequest,
  writeDeleteLink,
  writeNewLink,
} from '../rtnetlink/index.js'
import type { Sysctl } from '../sysctl.js'
import { describe, SUCCESS, SUCCESS_STALE } from './outcome.js'

export interface LinkContext {
  readonly connection: NetlinkConnection
  readonly sysctl: Sysctl
  readonly state: KernelState
  readonly options: AbortOptions
}

/** Creates, changes, recreates or deletes one link. */
export async function applyLink(
  context: LinkContext,
  operation: Operation<LinkResource>,
): Promise<OperationResult> {
  try {
    const { resource } = operation
    return await (operation.type === 'put' ? putLink(context, resource) : deleteLink(context, resource))
  } catch (error) {
    context.options.signal?.throwIfAborted()
    const known = OverlayError.from(overlayErrorOf(error), 'DRIVER_REFUSED', describe(operation))
    return { ok: false, error: known, stale: known.errno === 'ENODEV' }
  }
}

async function putLink(context: LinkContext, desired: LinkResource): Promise<OperationResult> {
  const existing = await findLink(context.connection, desired.name, context.options)
  if (existing === undefined) {
    await createLink(context, desired)
    return SUCCESS_STALE
  }
  if ((existing.kind ?? '') !== desired.type) throw conflict(desired, existing)
  const actual = await describeActual(context, existing)
  switch (linkChange(actual, desired)) {
    case 'none':
      return SUCCESS
    case 'change':
      await changeLink(context, existing, actual, desired)
      return takesMoreWithIt(actual, desired) ? SUCCESS_STALE : SUCCESS
    case 'recreate':
      await remove(context, existing)
      await createLink(context, desired)
      return SUCCESS_STALE
  }
}

/** RFC 8200, 5: a link of a smaller MTU carries no IPv6, and Linux disables IPv6 on it. */
const MIN_IPV6_MTU = 1280

/** A link loses its neighbours with its MAC, its routes when it goes down, and IPv6 below its minimum MTU. */
function takesMoreWithIt(actual: LinkResource, { up, mtu, macAddress }: LinkResource): boolean {
  const hasIPv6 = (bytes: number | undefined): boolean => (bytes ?? 0) >= MIN_IPV6_MTU
  return (
    up !== actual.up ||
    (macAddress !== undefined && macAddress !== actual.macAddress) ||
    (mtu !== undefined && hasIPv6(mtu) !== hasIPv6(actual.mtu))
  )
}

async function describeActual(
  { connection, sysctl, options }: LinkContext,
  existing: LinkMessage,
): Promise<LinkResource> {
  const accepts = sysctl.acceptRouterAdvertisements([existing.name]).get(existing.name) ?? false
  const parent = existing.vxlan?.parent
  if (parent === undefined) return linkResource(existing, undefined, accepts)
  const links = await LinkTable.read(connection, options)
  return linkResource(existing, links.nameOf(parent), accepts)
}

async function createLink(context: LinkContext, desired: LinkResource): Promise<void> {
  const { name, type, mtu, macAddress, vxlan } = desired
  const parent = vxlan?.parent === undefined ? undefined : await requireParent(context, desired, vxlan.parent)
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
    throw await explainCreation(context, desired, error)
  }
  // The kernel does not accept an alias with a new link, and some settings must be in force before it is up.
  const created = await findLink(context.connection, name, context.options)
  if (created === undefined) throw gone(name)
  await changeLink(context, created, linkResource(created, vxlan?.parent, true), desired)
}

async function changeLink(
  context: LinkContext,
  existing: LinkMessage,
  actual: LinkResource,
  desired: LinkResource,
): Promise<void> {
  const { state, sysctl, connection, options } = context
  const { name } = desired
  const { acceptRouterAdvertisements: accept } = desired
  if (accept !== undefined && accept !== actual.acceptRouterAdvertisements) {
    sysctl.setAcceptRouterAdvertisements(name, accept)
  }
  const request: LinkRequest = {
    index: existing.index,
    // Even setting the present address again would drop every neighbour of the link.
    address: desired.macAddress === actual.macAddress ? undefined : desired.macAddress,
    mtu: desired.mtu === actual.mtu ? undefined : desired.mtu,
    alias: desired.alias === actual.alias ? undefined : desired.alias,
    up: desired.up === actual.up ? undefined : desired.up,
  }
  await send(context, `setting ${settingsText(request)} of link ${name}`, 0, request)
  const changed = await findLink(connection, name, options)
  if (changed === undefined) throw gone(name)
  state.ownLinks.set(changed.index, name)
  state.watchLink(changed, fingerprint(changed))
}

/** Such as `mtu 1400 and up true`. */
function settingsText({ index: _, ...settings }: LinkRequest): string {
  const set = Object.entries(settings).filter(([, value]) => value !== undefined)
  return set.map(([name, value]) => `${name} ${value}`).join(' and ') || 'nothing'
}

async function deleteLink(context: LinkContext, resource: LinkResource): Promise<OperationResult> {
  const existing = await findLink(context.connection, resource.name, context.options)
  if (existing === undefined) return SUCCESS
  if ((existing.kind ?? '') !== resource.type) throw conflict(resource, existing)
  await remove(context, existing)
  return SUCCESS_STALE
}

async function remove({ connection, state, options }: LinkContext, existing: LinkMessage): Promise<void> {
  // Before the request, since its notification arrives during it.
  state.ownLinks.delete(existing.index)
  state.watchedLinks.delete(existing.index)
  await connection.request(
    `deleting link ${existing.name}`,
    (writer, flags, sequence) => writeDeleteLink(writer, flags, sequence, existing.index),
    () => undefined,
    { ...options, absence: ['ENODEV'] },
  )
}

async function send(
  { connection, options }: LinkContext,
  operation: string,
  extraFlags: number,
  request: LinkRequest,
): Promise<void> {
  await connection.request(
    operation,
    (writer, flags, sequence) => writeNewLink(writer, flags | extraFlags, sequence, request),
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
  throw new OverlayError('DRIVER_REFUSED', `creating link ${name}: its parent ${parentName} does not exist`, {
    errno: 'ENODEV',
  })
}

/** The kernel answers EEXIST both for a name and for a VNI that is taken. Says which link has it. */
async function explainCreation(
  { connection, options }: LinkContext,
  { name, vxlan }: LinkResource,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof NetlinkError) || error.errno !== 'EEXIST' || vxlan === undefined) return error
  const { links } = await LinkTable.read(connection, options)
  const rival = links.find((link) => link.vxlan?.vni === vxlan.vni && link.name !== name)
  if (rival === undefined) return error
  return new OverlayError(
    'RESOURCE_CONFLICT',
    `${error.message}. Link ${rival.name} has VNI ${vxlan.vni} on UDP port ${rival.vxlan?.port}, and is not ours: ` +
      `delete it (ip link del ${rival.name}), or choose another VNI or port for the network`,
    { errno: error.errno, cause: error },
  )
}

function conflict({ name, type }: LinkResource, existing: LinkMessage): OverlayError {
  const isUp = (existing.flags & IFF_UP) !== 0 ? 'up' : 'down'
  return new OverlayError(
    'RESOURCE_CONFLICT',
    `link ${name} must be of type ${type}, but a link of type ${existing.kind ?? 'none (hardware)'} (${isUp}) has ` +
      'that name and is not ours: rename or delete it',
  )
}

const gone = (name: string): OverlayError =>
  new OverlayError('DRIVER_REFUSED', `link ${name} was deleted while it was being set up`, {
    errno: 'ENODEV',
  })
