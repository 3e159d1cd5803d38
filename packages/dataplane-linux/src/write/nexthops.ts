import { countsForThreshold } from '../cache/kernel-state.js'
import type { Nexthop } from '../cache/nexthop-table.js'
import { type MessageWriter, NLM_F_REQUEST } from '../netlink/index.js'
import { writeDeleteNexthop } from '../rtnetlink/index.js'
import type { PendingRoute, WriteContext } from './batch.js'
import { writeNexthop } from './encode.js'
import { describe, resultOf } from './outcome.js'

/** How often ids are drawn again that turn out to be another program's. */
const MAX_REDRAWS = 8

interface NexthopRequest {
  readonly route: PendingRoute
  readonly nexthop: Nexthop
  /** It is in use already. */
  readonly isKnown: boolean
}

/**
 * Decides which routes are to lead through nexthop objects, creates these, and sets `nexthop` of each route; if the
 * kernel refuses an object, `result` of its route.
 */
export async function provideNexthops(context: WriteContext, puts: readonly PendingRoute[]): Promise<void> {
  const { connection, state, routeProtocol, options } = context
  let left = routesThroughNexthops(context, puts)
  for (let redraws = 0; left.length > 0; redraws += 1) {
    const failures = await connection.batch(
      left.map((route) => assignNexthop(context, route)),
      {
        ...options,
        write: (writer, { nexthop, isKnown }: NexthopRequest, sequence) =>
          writeNexthop(writer, sequence, nexthop, routeProtocol, isKnown),
        describe: ({ route }) => describe(route.operation),
      },
    )
    left = []
    for (const [{ route, nexthop }, error] of failures) {
      state.nexthops.forget(nexthop)
      route.nexthop = undefined
      if (error.errno === 'EEXIST' && redraws < MAX_REDRAWS) left.push(route)
      else route.result = resultOf(route.operation, error)
    }
    if (left.length > 0) state.nexthops.drawElsewhere()
  }
}

/** Of a device that would have more routes than the threshold, all that are to be put. */
function routesThroughNexthops(
  { state, nexthopThreshold }: WriteContext,
  puts: readonly PendingRoute[],
): PendingRoute[] {
  if (nexthopThreshold === Number.POSITIVE_INFINITY) return []
  const counts = new Map<string, number>()
  const candidates: { readonly route: PendingRoute; readonly device: string }[] = []
  for (const route of puts) {
    const { resource } = route.operation
    const { key, device } = resource
    // On a link that is not ours routes stay inline: flanneld cannot delete or move a route through an object.
    const isOwnLink = state.ownLinks.has(route.linkIndex)
    if (device === undefined || !isOwnLink || !countsForThreshold(resource)) continue
    candidates.push({ route, device })
    const count = counts.get(device) ?? state.countThrough(device)
    counts.set(device, state.hasRoute(key) ? count : count + 1)
  }
  return candidates
    .filter(({ device }) => (counts.get(device) ?? 0) > nexthopThreshold)
    .map(({ route }) => route)
}

/** The object of the route's path: one in use if there is one. */
function assignNexthop({ state }: WriteContext, route: PendingRoute): NexthopRequest {
  const { gateway = '', onLink } = route.operation.resource
  const known = state.nexthops.find(route.linkIndex, gateway, onLink)
  const nexthop = known ?? state.nexthops.draw(route.linkIndex, gateway, onLink)
  route.nexthop = nexthop
  return { route, nexthop, isKnown: known !== undefined }
}

/** Deletes the nexthop objects that no route of ours leads through. */
export const deleteUnusedNexthops = (context: NexthopContext): Promise<void> =>
  deleteNexthops(context, new Set(context.state.nexthops.unused()))

type NexthopContext = Pick<WriteContext, 'connection' | 'state' | 'options'>

/** Deletes nexthop objects that no route of ours leads through any more. */
export async function deleteNexthops(
  { connection, state, options }: NexthopContext,
  unused: ReadonlySet<Nexthop>,
): Promise<void> {
  if (unused.size === 0) return
  for (const nexthop of unused) state.nexthops.forget(nexthop)
  // One that another program uses, or that went with its link, needs no further attention.
  await connection.batch([...unused], {
    ...options,
    write: deleteNexthop,
    describe: ({ id }) => `delete nexthop ${id}`,
  })
}

export const deleteNexthop = (writer: MessageWriter, { id }: Nexthop, sequence: number): void =>
  writeDeleteNexthop(writer, NLM_F_REQUEST, sequence, id)
