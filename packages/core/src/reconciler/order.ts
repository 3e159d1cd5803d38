import type { Operation } from '../contract/driver.js'
import { type Resource, satisfies } from '../contract/resource.js'

/**
 * The order in which things are put: what is used before what uses it. Kinds that other drivers bring belong with
 * the neighbours: after the links and addresses they hang on, before the routes that send packets their way.
 */
const RANK: Readonly<Record<string, number>> = { link: 0, address: 1, fdb: 2, neighbour: 2, route: 3 }
const RANK_OF_OTHERS = 2
const RANKS = 4

const rankOf = ({ kind }: Resource): number => RANK[kind] ?? RANK_OF_OTHERS

/**
 * What it takes at one key to get from the actual to the desired state: nothing, a put or a delete.
 */
export function operationFor(
  actual: Resource | undefined,
  desired: Resource | undefined,
): Operation | undefined {
  if (desired === undefined) return actual === undefined ? undefined : { type: 'delete', resource: actual }
  if (actual !== undefined && satisfies(actual, desired)) return undefined
  return { type: 'put', resource: desired, actual }
}

/** One step of the order: operations that may go to a driver together. */
export interface Phase {
  readonly type: 'put' | 'delete'
  readonly operations: readonly Operation[]
}

/**
 * Sorts operations into the order that never blackholes traffic: puts before deletes, so that a new path stands before
 * the old one goes; links, addresses, neighbours, then routes, and the reverse for deletes.
 */
export function inPhases(operations: Iterable<Operation>): readonly Phase[] {
  const puts: Operation[][] = Array.from({ length: RANKS }, () => [])
  const deletes: Operation[][] = Array.from({ length: RANKS }, () => [])
  for (const operation of operations) {
    const ranks = operation.type === 'put' ? puts : deletes
    ranks[rankOf(operation.resource)]?.push(operation)
  }
  const phases: Phase[] = [
    ...puts.map((list): Phase => ({ type: 'put', operations: list })),
    ...deletes.reverse().map((list): Phase => ({ type: 'delete', operations: list })),
  ]
  return phases.filter(({ operations: list }) => list.length > 0)
}
