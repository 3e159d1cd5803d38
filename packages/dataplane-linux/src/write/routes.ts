import type { OperationResult } from '@selvedge/core'
import type { RouteResource } from '@selvedge/core/kit'
import { countsForThreshold } from '../cache/kernel-state.js'
import type { Nexthop } from '../cache/nexthop-table.js'
import { type MessageWriter, NLM_F_REQUEST, type Refusal, writeDeleteNexthop } from '../netlink/index.js'
import { takeOver } from './adopt-routes.js'
import { writeDeleteRoute, writeNexthop, writePutRoute } from './encode.js'
import type { ApplyContext, Lot } from './entries.js'
import { outcomeOf, SUCCESS } from './outcome.js'

/*
 * Routes are held in one of two ways, which the core does not tell apart: inline, as flannel and people write them,
 * or through nexthop objects. The kernel compares an inline IPv4 route's next hop with all others of the same device,
 * which takes quadratic time; through objects it does not (README). So the first few hundred on a device are written
 * inline and stay so, and lots that would go beyond lead through objects. An object is made before its route and
 * goes after it; a route that changes from one way to the other is replaced where it stands.
 */

/** How often ids that turn out to be somebody else's are drawn anew. */
const DRAWS = 8

/** Routes to put. `nexthops` has what each is to lead through; undefined for inline. */
export interface RouteLot extends Lot<RouteResource> {
  readonly nexthops: (Nexthop | undefined)[]
}

export async function applyRoutes(
  context: ApplyContext,
  routes: Lot<RouteResource>,
  results: OperationResult[],
): Promise<void> {
  const puts: RouteLot = { operations: [], links: [], slots: [], nexthops: [] }
  const deletes: RouteLot = { operations: [], links: [], slots: [], nexthops: [] }
  for (const [number, operation] of routes.operations.entries()) {
    const lot = operation.type === 'put' ? puts : deletes
    lot.operations.push(operation)
    lot.links.push(routes.links[number] ?? 0)
    lot.slots.push(routes.slots[number] ?? 0)
    lot.nexthops.push(undefined)
  }
  if (puts.operations.length > 0) await applyPuts(context, puts, results)
  if (deletes.operations.length > 0) await applyDeletes(context, deletes, results)
}

async function applyPuts(context: ApplyContext, puts: RouteLot, results: OperationResult[]): Promise<void> {
  const { belief } = context
  const { operations, nexthops, slots } = puts
  const unmade = await makeNexthops(context, puts)
  const refusals = await writePuts(context, puts, unmade)
  const outcomes = await takeOver(context, puts, refusals)
  const abandoned: Nexthop[] = []
  for (const [number, operation] of operations.entries()) {
    const nexthop = nexthops[number]
    const refusal = unmade.get(number)
    const outcome = refusal === undefined ? (outcomes.get(number) ?? SUCCESS) : outcomeOf(operation, refusal)
    results[slots[number] ?? 0] = outcome
    if (outcome.ok) {
      const previous = belief.holdRoute(operation.resource, nexthop)
      belief.surplusRoutes.delete(operation.resource.key)
      if (previous !== undefined && previous.uses === 0) abandoned.push(previous)
    } else if (nexthop?.uses === 0) {
      abandoned.push(nexthop)
    }
  }
  await deleteNexthops(context, abandoned)
}

/**
 * Decides which routes are to lead through nexthop objects, makes those, and enters them into `nexthops`. Returns the
 * routes whose object was refused.
 */
async function makeNexthops(context: ApplyContext, puts: RouteLot): Promise<Map<number, Refusal>> {
  const { connection, belief, routeProtocol, options } = context
  const refused = new Map<number, Refusal>()
  let left = routesThroughNexthops(context, puts)
  for (let attempt = 0; left.length > 0; attempt += 1) {
    const wanted: Nexthop[] = []
    const known: boolean[] = []
    for (const number of left) {
      const { gateway = '', onLink } = puts.operations[number]?.resource ?? {}
      const oif = puts.links[number] ?? 0
      const found = belief.nexthops.find(oif, gateway, onLink ?? false)
      const nexthop = found ?? belief.nexthops.draw(oif, gateway, onLink ?? false)
      puts.nexthops[number] = nexthop
      wanted.push(nexthop)
      known.push(found !== undefined)
    }
    const refusals = await connection.batch(
      wanted.length,
      (writer, at, sequence) => {
        const nexthop = wanted[at]
        if (nexthop !== undefined) writeNexthop(writer, sequence, nexthop, routeProtocol, known[at] === true)
      },
      options,
    )
    const again: number[] = []
    for (const [at, refusal] of refusals) {
      const number = left[at] ?? 0
      const nexthop = wanted[at]
      if (nexthop !== undefined) belief.nexthops.forget(nexthop)
      puts.nexthops[number] = undefined
      if (refusal.errno === 'EEXIST' && attempt < DRAWS) again.push(number)
      else refused.set(number, refusal)
    }
    if (again.length > 0) belief.nexthops.drawElsewhere()
    left = again
  }
  return refused
}

/** The numbers of those routes that are to lead through nexthop objects. */
function routesThroughNexthops(
  { belief, nexthopThreshold }: ApplyContext,
  { operations }: RouteLot,
): number[] {
  if (nexthopThreshold === Number.POSITIVE_INFINITY) return []
  const after = new Map<string, number>()
  for (const { resource } of operations) {
    const { key, device } = resource
    if (device === undefined || !countsForThreshold(resource)) continue
    const count = after.get(device) ?? belief.countThrough(device)
    after.set(device, belief.hasRoute(key) ? count : count + 1)
  }
  const chosen: number[] = []
  for (const [number, { resource }] of operations.entries()) {
    const { device } = resource
    if (device === undefined || !countsForThreshold(resource)) continue
    if ((after.get(device) ?? 0) > nexthopThreshold) chosen.push(number)
  }
  return chosen
}

/** Writes all routes but those in `except`, and returns what was refused. */
async function writePuts(
  { connection, belief, routeProtocol, options }: ApplyContext,
  { operations, links, nexthops }: RouteLot,
  except: ReadonlyMap<number, Refusal>,
): Promise<Map<number, Refusal>> {
  // Which route each message is for; -1 - number for the deletion of a copy, whose outcome does not matter.
  const messages: number[] = []
  for (const [number, { resource }] of operations.entries()) {
    if (except.has(number)) continue
    // Replacing takes the place of the first alone.
    const surplus = belief.surplusRoutes.get(resource.key) ?? 0
    for (let copy = 0; copy < surplus; copy += 1) messages.push(-1 - number)
    messages.push(number)
  }
  const refused = await connection.batch(
    messages.length,
    (writer, at, sequence) => {
      const message = messages[at] ?? 0
      const number = message < 0 ? -1 - message : message
      const operation = operations[number]
      if (operation === undefined) return
      const { resource } = operation
      if (message < 0) writeDeleteRoute(writer, sequence, resource, routeProtocol)
      else {
        writePutRoute(writer, sequence, resource, {
          protocol: routeProtocol,
          oif: links[number] ?? 0,
          nexthopId: nexthops[number]?.id ?? 0,
          replace:
            belief.hasRoute(resource.key) || (operation.type === 'put' && operation.actual !== undefined),
        })
      }
    },
    options,
  )
  const refusals = new Map<number, Refusal>()
  for (const [at, refusal] of refused) {
    const message = messages[at] ?? -1
    if (message >= 0) refusals.set(message, refusal)
  }
  return refusals
}

async function applyDeletes(
  { connection, belief, routeProtocol, options }: ApplyContext,
  { operations, slots }: RouteLot,
  results: OperationResult[],
): Promise<void> {
  const messages: number[] = []
  const candidates: Nexthop[] = []
  for (const [number, { resource }] of operations.entries()) {
    const copies = belief.surplusRoutes.get(resource.key) ?? 1
    for (let copy = 0; copy < copies; copy += 1) messages.push(number)
    const nexthop = belief.forgetRoute(resource)
    if (nexthop !== undefined) candidates.push(nexthop)
  }
  // In the same lot, so that no crash comes between a route's end and that of what it led through.
  const unused = candidates.filter(({ uses }) => uses === 0)
  const refusals = await connection.batch(
    messages.length + unused.length,
    (writer, at, sequence) => {
      const nexthop = unused[at - messages.length]
      const operation = operations[messages[at] ?? 0]
      if (nexthop !== undefined) deleteNexthop(writer, sequence, nexthop)
      else if (operation !== undefined) writeDeleteRoute(writer, sequence, operation.resource, routeProtocol)
    },
    options,
  )
  for (const nexthop of unused) belief.nexthops.forget(nexthop)
  for (const slot of slots) results[slot] = SUCCESS
  for (const [at, refusal] of refusals) {
    const number = messages[at]
    const operation = operations[number ?? 0]
    if (number === undefined || operation === undefined) continue
    results[slots[number] ?? 0] = outcomeOf(operation, refusal)
  }
}

/** Deletes those of these nexthop objects that no route of ours leads through. */
async function deleteNexthops(
  { connection, belief, options }: ApplyContext,
  candidates: readonly Nexthop[],
): Promise<void> {
  const unused = [...new Set(candidates)].filter(({ uses }) => uses === 0)
  if (unused.length === 0) return
  for (const nexthop of unused) belief.nexthops.forget(nexthop)
  await connection.batch(
    unused.length,
    (writer, number, sequence) => {
      const nexthop = unused[number]
      if (nexthop !== undefined) deleteNexthop(writer, sequence, nexthop)
    },
    options,
  )
}

const deleteNexthop = (writer: MessageWriter, sequence: number, { id }: Nexthop): void =>
  writeDeleteNexthop(writer, NLM_F_REQUEST, sequence, id)
