import { AssertionError, deepStrictEqual, fail, ok } from 'node:assert/strict'
import {
  type Backend,
  isOverlayError,
  type Lease,
  type LeaseContext,
  type OverlayError,
  type Resource,
} from '@selvedge/core'
import {
  type AddressResource,
  address,
  type FdbResource,
  fdb,
  type LinkResource,
  link,
  type NeighbourResource,
  neighbour,
  type RouteResource,
  route,
} from '@selvedge/core/kit'

/** Freezes all that can be reached from `value`, so that a write to it throws; returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}

/** Runs `body` while the clock and the generator that everyone can reach throw. */
export function withoutClockOrRandomness<T>(body: () => T): T {
  const { random } = Math
  const { now } = Date
  const { performance } = globalThis
  const monotonic = performance.now
  const forbidden = (what: string) => (): never =>
    fail(`a backend must not call ${what}: it is a pure function`)
  try {
    Math.random = forbidden('Math.random()')
    Date.now = forbidden('Date.now()')
    performance.now = forbidden('performance.now()')
    return body()
  } finally {
    Math.random = random
    Date.now = now
    performance.now = monotonic
  }
}

/** A lease's resources, or the error that refuses it. */
export function peerOrRefusal(
  backend: Backend,
  lease: Lease,
  context: LeaseContext,
): readonly Resource[] | OverlayError {
  try {
    return backend.peer(lease, context)
  } catch (error) {
    if (error instanceof AssertionError) throw error
    if (isOverlayError(error, 'INVALID_LEASE')) return error
    const shown = error instanceof Error ? `${error.name} (${error.message})` : String(error)
    fail(
      `peer() threw ${shown}; the one thing it may throw for a lease is an OverlayError of code INVALID_LEASE`,
    )
  }
}

/** Resources of the kernel's are as core's constructors make them; others are plain data. */
export function assertCanonical(resources: readonly Resource[]): void {
  ok(Array.isArray(resources), 'resources are an array')
  for (const resource of resources) {
    const { kind, key } = resource
    ok(typeof kind === 'string' && kind !== '', `a resource has a kind: ${JSON.stringify(resource)}`)
    ok(typeof key === 'string' && key !== '', `a resource has a key: ${JSON.stringify(resource)}`)
    const made = remake(resource)
    if (made !== undefined) {
      deepStrictEqual(resource, made, `${key} is not as the function ${kind}() of @selvedge/core makes it`)
    }
    ok(isPlainData(resource), `${key} is not plain data: what holds it may keep it, print it and compare it`)
  }
}

export function assertUniqueKeys(resources: readonly Resource[]): void {
  const seen = new Map<string, Resource>()
  for (const resource of resources) {
    const other = seen.get(resource.key)
    ok(
      other === undefined,
      `two resources have the key '${resource.key}': ${JSON.stringify(other)} and ${JSON.stringify(resource)}`,
    )
    seen.set(resource.key, resource)
  }
}

function remake(resource: Resource): Resource | undefined {
  const { kind, key, ...fields } = resource
  switch (kind) {
    case 'link':
      return link(fields as LinkResource)
    case 'address':
      return address(fields as AddressResource)
    case 'route':
      return route(fields as RouteResource)
    case 'neighbour':
      return neighbour(fields as NeighbourResource)
    case 'fdb':
      return fdb(fields as FdbResource)
    default:
      return undefined
  }
}

function isPlainData(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null)
    return typeof value !== 'function' && typeof value !== 'symbol'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype) return false
  return Object.values(value).every(isPlainData)
}
