import { type AbortOptions, OverlayError } from '@selvedge/core'
import { canonicalCidr, isJsonObject } from '@selvedge/core/kit'
import type { VpcApi } from './api.js'

/** An entry of a route table, as far as it matters here. */
export interface TableRoute {
  /** By which it is changed and deleted. */
  readonly id: number
  /** CIDR, canonical; undefined for one of IPv6. */
  readonly destination: string | undefined
  /** Such as `NORMAL_CVM`, an instance. */
  readonly gatewayType: string
  /** Of an instance: its private address. */
  readonly gateway: string
  readonly description: string
  readonly enabled: boolean
  /** `USER`; or the system's own, such as `CCN`. */
  readonly type: string
}

export interface RouteTable {
  readonly id: string
  /** The table of subnets that are associated with no other. */
  readonly main: boolean
  /** The VPC subnets that are associated with it. */
  readonly subnets: readonly string[]
  readonly routes: readonly TableRoute[]
}

const PAGE = 100
/** More pages than any VPC has: a server that never comes to an end is not followed for ever. */
const MAX_PAGES = 50
const MAX_READS = 3

/**
 * All route tables of a VPC, complete or not at all. Rejects as `VpcApi.read`, and with `READ_INTERRUPTED` if the list
 * kept changing while it was read.
 */
export async function readRouteTables(
  api: VpcApi,
  vpc: string,
  options: AbortOptions = {},
): Promise<readonly RouteTable[]> {
  for (let read = 1; read <= MAX_READS; read += 1) {
    const tables = await readOnce(api, vpc, options)
    if (tables !== undefined) return tables
  }
  throw new OverlayError(
    'READ_INTERRUPTED',
    `reading the route tables of ${vpc}: their number kept changing, or pages were missing, ${MAX_READS} times`,
  )
}

/** undefined: what the pages hold is not what they say there is. */
async function readOnce(
  api: VpcApi,
  vpc: string,
  options: AbortOptions,
): Promise<readonly RouteTable[] | undefined> {
  const tables = new Map<string, RouteTable>()
  let total = 0
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await api.read(
      'DescribeRouteTables',
      // Both are text in this action.
      { Filters: [{ Name: 'vpc-id', Values: [vpc] }], Offset: String(page * PAGE), Limit: String(PAGE) },
      options,
    )
    const { TotalCount: count, RouteTableSet: set } = answer
    if (typeof count !== 'number' || !Array.isArray(set))
      throw unreadable('it has no TotalCount or no RouteTableSet')
    if (page > 0 && count !== total) return undefined
    total = count
    for (const one of set) {
      const table = decodeTable(one)
      tables.set(table.id, table)
    }
    if ((page + 1) * PAGE >= total) return tables.size === total ? [...tables.values()] : undefined
    if (set.length === 0) return undefined
  }
  throw unreadable(`it speaks of ${total} route tables`)
}

function decodeTable(value: unknown): RouteTable {
  if (!isJsonObject(value) || typeof value.RouteTableId !== 'string' || !Array.isArray(value.RouteSet)) {
    throw unreadable('a route table has no RouteTableId or no RouteSet')
  }
  const associations = Array.isArray(value.AssociationSet) ? value.AssociationSet : []
  return {
    id: value.RouteTableId,
    main: value.Main === true,
    subnets: associations.flatMap((one) =>
      isJsonObject(one) && typeof one.SubnetId === 'string' ? [one.SubnetId] : [],
    ),
    routes: value.RouteSet.map(decodeRoute),
  }
}

function decodeRoute(value: unknown): TableRoute {
  // A number that JSON.parse rounds would be another route's.
  if (!isJsonObject(value) || typeof value.RouteId !== 'number' || !Number.isSafeInteger(value.RouteId)) {
    throw unreadable('a route has no RouteId')
  }
  const text = (name: string): string => (typeof value[name] === 'string' ? value[name] : '')
  return {
    id: value.RouteId,
    destination: canonical(text('DestinationCidrBlock')),
    gatewayType: text('GatewayType'),
    gateway: text('GatewayId'),
    description: text('RouteDescription'),
    enabled: value.Enabled !== false,
    type: text('RouteType'),
  }
}

/** What is no CIDR is no destination of ours. */
function canonical(destination: string): string | undefined {
  try {
    return destination === '' ? undefined : canonicalCidr(destination)
  } catch {
    return undefined
  }
}

const unreadable = (what: string): OverlayError =>
  new OverlayError('DRIVER_REFUSED', `reading the answer of Tencent's API to DescribeRouteTables: ${what}`)

/** Which tables a node's route belongs in. */
export interface TableChoice {
  /** By id; undefined: that of the subnet. */
  readonly routeTables: readonly string[] | undefined
  /** The VPC subnet of the instance. */
  readonly subnet: string
  readonly vpc: string
}

/**
 * The tables of the choice: those that are named, or the one that the subnet is associated with, which is the main one if
 * there is no other. Throws `INVALID_CONFIG` for a table that the VPC does not have.
 */
export function chosenTables(
  tables: readonly RouteTable[],
  { routeTables, subnet, vpc }: TableChoice,
): readonly RouteTable[] {
  const among = () => `${vpc} has ${tables.map(({ id }) => id).join(', ') || 'none'}`
  if (routeTables !== undefined) {
    return routeTables.map((id) => {
      const table = tables.find((one) => one.id === id)
      if (table !== undefined) return table
      throw new OverlayError(
        'INVALID_CONFIG',
        `RouteTableID names ${id}, which is no route table here: ${among()}`,
      )
    })
  }
  const table = tables.find(({ subnets }) => subnets.includes(subnet)) ?? tables.find(({ main }) => main)
  if (table !== undefined) return [table]
  throw new OverlayError('DRIVER_REFUSED', `looking for the route table of ${subnet}: ${among()}`)
}
