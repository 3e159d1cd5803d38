import type { AbortOptions } from '@selvedge/core'
import { type NetlinkConnection, NetlinkError, NLM_F_REQUEST } from '../netlink/index.js'
import { type RouteMessage, readRoute, writeLookUpRoute } from '../rtnetlink/index.js'

/** What the kernel has for an address: a route, or the error that a packet to it meets, such as `EHOSTUNREACH`. */
export type FoundRoute = RouteMessage | string

/**
 * The routes that packets to these addresses take, by all policy rules and tables, as the kernel says. It is asked by the
 * destination alone, as flannel asks it: rules for a source, a mark or a port do not count.
 */
export async function findRoutes(
  connection: NetlinkConnection,
  addresses: readonly string[],
  options: AbortOptions,
): Promise<readonly FoundRoute[]> {
  const requests = addresses.map((address) => ({ address }))
  const found = new Map<object, FoundRoute>()
  const failures = await connection.batch(requests, {
    ...options,
    write: (writer, { address }, sequence) =>
      writeLookUpRoute(writer, NLM_F_REQUEST, sequence, address, true),
    describe: ({ address }) => `looking up the route to ${address}`,
    onAnswer: (request, message) => {
      const route = readRoute(message)
      if (route !== undefined) found.set(request, route)
    },
  })
  return requests.map((request) => {
    const route = found.get(request)
    if (route !== undefined) return route
    const error = failures.get(request)
    // A kernel that dislikes the request itself says why; a route that leads nowhere is an error number alone.
    const isDeadEnd = error?.reason === 'refused' && error.kernelText === undefined
    if (isDeadEnd && error.errno !== undefined) return error.errno
    throw (
      error ?? new NetlinkError({ reason: 'lost', operation: `looking up the route to ${request.address}` })
    )
  })
}
