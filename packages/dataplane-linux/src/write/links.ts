import { type Operation, type OperationResult, OverlayError } from '@selvedge/core'
import { type LinkResource, linkChange } from '@selvedge/core/kit'
import type { KernelState } from '../cache/kernel-state.js'
import { overlayErrorOf } from '../kernel-error.js'
import { inNamespace, NLM_F_CREATE, NLM_F_EXCL } from '../netlink/index.js'
import { findLink, fingerprint, type LinkTable, linkResource } from '../read/link-table.js'
import {
  IFF_UP,
  type LinkMessage,
  type LinkRequest,
  writeDeleteLink,
  writeNewLink,
} from '../rtnetlink/index.js'
import type { Sysctl } from '../sysctl.js'
import { type ExplainContext, explainLinkError } from './explain-link-error.js'
import { describe, SUCCESS, SUCCESS_STALE } from './outcome.js'

export interface LinkContext extends ExplainContext {
  readonly sysctl: Sysctl
  readonly state: KernelState
  /** The links at the time of the first call: read once for all that are written together. */
  readonly links: () => Promise<LinkTable>
}

/** Creates, changes, recreates or deletes one link. */
export async function applyLink(
  context: LinkContext,
  operation: Operation<LinkResource>,
): Promise<OperationResult> {
  try {
    const { resource } = operation
    return await (operation.type === 'put' ? putLink(context, resource) : deleteLink(context, resource))
  } catch (thrown) {
    const error = operation.type === 'put' ? await explain(context, operation.resource, thrown) : thrown
    context.options.signal?.throwIfAborted()
    const known = OverlayError.from(overlayErrorOf(error), 'DRIVER_REFUSED', describe(operation))
    return { ok: false, error: known, stale: known.errno === 'ENODEV' }
  }
}

/** If what stands in the way cannot be found either, the error itself counts. */
async function explain(context: LinkContext, resource: LinkResource, thrown: unknown): Promise<unknown> {
  return explainLinkError(context, resource, thrown).catch(() => thrown)
}

async function putLink(context: LinkContext, desired: LinkResource): Promise<OperationResult> {
  const existing = await findLink(context.connection, desired.name, context.options)
  if (existing === undefined) {
    await createLink(context, desired)
    return SUCCESS_STALE
  }
  if ((existing.kind ?? '') !== desired.type) {
    // One that bears our mark was of another type when the backend, or what carries its packets, was another.
    if (desired.alias === undefined || existing.alias !== desired.alias) throw conflict(desired, existing)
    await remove(context, existing)
    await createLink(context, desired)
    return SUCCESS_STALE
  }
  const actual = await describeActual(context, existing)
  switch (linkChange(actual, desired, context.linkTypes.get(desired.type)?.changeable)) {
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

const hasIPv6 = (mtu: number | undefined): boolean => (mtu ?? 0) >= MIN_IPV6_MTU

/** A link loses its neighbours with its MAC, its routes when it goes down, and IPv6 below its minimum MTU. */
function takesMoreWithIt(actual: LinkResource, { up, mtu, macAddress }: LinkResource): boolean {
  return (
    up !== actual.up ||
    (macAddress !== undefined && macAddress !== actual.macAddress) ||
    (mtu !== undefined && hasIPv6(mtu) !== hasIPv6(actual.mtu))
  )
}

async function describeActual(context: LinkContext, existing: LinkMessage): Promise<LinkResource> {
  const { name } = existing
  const accepts = context.sysctl.acceptRouterAdvertisements([name]).get(name) ?? false
  return linkResource(existing, await context.links(), context.linkTypes, accepts)
}

async function createLink(context: LinkContext, desired: LinkResource): Promise<void> {
  const { name, type, mtu, macAddress, settings } = desired
  const create = context.linkTypes.get(type)?.create
  if (create !== undefined) {
    inNamespace(context.namespace, () => create(name, settings ?? {}))
    return setUpLink(context, desired)
  }
  const writeData = await settingsWriter(context, desired)
  await send(context, `creating ${type} link ${name}`, NLM_F_CREATE | NLM_F_EXCL, {
    name,
    mtu,
    address: macAddress,
    kind: type,
    writeData,
  })
  await setUpLink(context, desired)
}

/** The kernel does not accept an alias with a new link, and some settings must be in force before it is up. */
async function setUpLink(context: LinkContext, desired: LinkResource): Promise<void> {
  const { name } = desired
  const created = await findLink(context.connection, name, context.options)
  if (created === undefined) throw gone(name)
  const actual = linkResource(created, await context.links(), context.linkTypes, true)
  await changeLink(context, created, { ...actual, settings: desired.settings }, desired)
}

async function changeLink(
  context: LinkContext,
  existing: LinkMessage,
  actual: LinkResource,
  desired: LinkResource,
): Promise<void> {
  const { state, sysctl, connection, options } = context
  const { name, type, acceptRouterAdvertisements: accept } = desired
  if (accept !== undefined && accept !== actual.acceptRouterAdvertisements) {
    sysctl.setAcceptRouterAdvertisements(name, accept)
  }
  const changesSettings = Object.entries(desired.settings ?? {}).some(
    ([setting, value]) => actual.settings?.[setting] !== value,
  )
  const request: LinkRequest = {
    index: existing.index,
    // Even setting the present address again would drop every neighbour of the link.
    address: desired.macAddress === actual.macAddress ? undefined : desired.macAddress,
    mtu: desired.mtu === actual.mtu ? undefined : desired.mtu,
    alias: desired.alias === actual.alias ? undefined : desired.alias,
    up: desired.up === actual.up ? undefined : desired.up,
  }
  const changes = changesSettings ? { kind: type, writeData: await settingsWriter(context, desired) } : {}
  await send(context, `setting ${changesText(request, changesSettings)} of link ${name}`, 0, {
    ...request,
    ...changes,
  })
  // With an MTU that allows for IPv6 again, the kernel resets the link's IPv6 settings.
  if (accept !== undefined && !hasIPv6(actual.mtu) && hasIPv6(desired.mtu)) {
    sysctl.setAcceptRouterAdvertisements(name, accept)
  }
  const changed = await findLink(connection, name, options)
  if (changed === undefined) throw gone(name)
  state.ownLinks.set(changed.index, name)
  state.watchLink(changed, fingerprint(changed))
}

/** Writes the settings of a link into IFLA_INFO_DATA; undefined if it has none. */
async function settingsWriter(
  { linkTypes, links }: LinkContext,
  { name, type, settings }: LinkResource,
): Promise<LinkRequest['writeData']> {
  if (settings === undefined) return undefined
  const linkType = linkTypes.get(type)
  if (linkType === undefined) {
    throw new OverlayError(
      'UNSUPPORTED',
      `link ${name}: the settings of type ${type} are unknown to this driver; pass its link type in linkTypes`,
    )
  }
  const table = await links()
  const indexOf = (other: string): number => {
    const found = table.byName(other)
    if (found !== undefined) return found.index
    throw new OverlayError('DRIVER_REFUSED', `creating link ${name}: link ${other} does not exist`, {
      errno: 'ENODEV',
    })
  }
  return (writer) => linkType.encode(settings, writer, indexOf)
}

/** Such as `mtu 1400 and up true`. */
function changesText({ index: _, ...changes }: LinkRequest, changesSettings: boolean): string {
  const set = Object.entries(changes).filter(([, value]) => value !== undefined)
  const texts = set.map(([name, value]) => `${name} ${value}`)
  return [...texts, ...(changesSettings ? ['settings'] : [])].join(' and ') || 'nothing'
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
