import type { AbortOptions } from '@selvedge/core'
import type { NetlinkConnection } from '../netlink/index.js'
import {
  AF_INET,
  AF_INET6,
  type RouteMessage,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  type RuleMessage,
  readRoute,
  readRule,
  routeProtocolOf,
  writeGetRoutes,
  writeGetRules,
} from '../rtnetlink/index.js'

/** How a host routes packets, without the routes of our own. */
export interface HostRoutes {
  /** The main table's, of every type. */
  readonly main: readonly RouteMessage[]
  /** Those of other tables that a rule leads to by the destination alone. */
  readonly others: readonly RouteMessage[]
  /** The policy rules that decide by the destination alone. */
  readonly rules: readonly RuleMessage[]
}

/** Errors that mean that there is no such table, or that the kernel has no policy rules, or none of this family. */
const NONE = ['ENOENT', 'EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT']

/** @param routeProtocol of our own routes: tens of thousands, which say nothing about the host */
export async function readHostRoutes(
  connection: NetlinkConnection,
  routeProtocol: number,
  options: AbortOptions,
): Promise<HostRoutes> {
  const readTable = (family: number, table: number): Promise<RouteMessage[]> =>
    connection.dump(
      'reading routes',
      (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, { family, table }),
      (message) => {
        if (routeProtocolOf(message) === routeProtocol) return undefined
        const route = readRoute(message)
        // A kernel without IPv6 answers with IPv4's.
        return route?.family === family ? route : undefined
      },
      { ...options, absence: NONE },
    )
  const main: RouteMessage[][] = []
  const others: RouteMessage[][] = []
  const rules: RuleMessage[][] = []
  for (const family of [AF_INET, AF_INET6]) {
    main.push(await readTable(family, RT_TABLE_MAIN))
    const found = await readRules(connection, family, options)
    rules.push(found)
    const tables = new Set(found.map(({ table }) => table))
    for (const table of [0, RT_TABLE_MAIN, RT_TABLE_LOCAL]) tables.delete(table)
    for (const table of tables) others.push(await readTable(family, table))
  }
  return { main: main.flat(), others: others.flat(), rules: rules.flat() }
}

async function readRules(
  connection: NetlinkConnection,
  family: number,
  options: AbortOptions,
): Promise<RuleMessage[]> {
  return connection.dump(
    'reading policy rules',
    (writer, flags, sequence) => writeGetRules(writer, flags, sequence, family),
    (message) => {
      const rule = readRule(message)
      return rule?.family === family && rule.isByDestination ? rule : undefined
    },
    { ...options, absence: NONE },
  )
}

export const isDefault = ({ destination }: RouteMessage): boolean =>
  destination === '0.0.0.0/0' || destination === '::/0'

/** Whether a route leads straight out of one interface, to whatever is on its link. */
export const isDirect = ({ type, gateway, paths, oif }: RouteMessage): boolean =>
  type === RTN_UNICAST && gateway === undefined && paths.length === 0 && oif !== 0
