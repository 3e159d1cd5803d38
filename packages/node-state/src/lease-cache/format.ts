import { createHash } from 'node:crypto'
import {
  type ChosenInterface,
  type Lease,
  leaseKey,
  networkConfigJson,
  type PublicAddresses,
  parseNetworkConfig,
} from '@selvedge/core'
import {
  CONFIG_LIMITS,
  decodeLease,
  encodeLeaseAttributes,
  type Family,
  formatAddress,
  isJsonObject,
  type JsonLimits,
  parseAddress,
  parseJson,
  quote,
  RECORD_LIMITS,
} from '@selvedge/core/kit'
import type { KnownNetwork } from './known-network.js'

/** What a lease cache holds. */
export interface LeaseCacheContent {
  /** Tells one store from another. */
  readonly store: string
  readonly network: KnownNetwork
  /** The addresses that the store assigns to this node. */
  readonly nodeAddresses: PublicAddresses
  /** The interface that packets to peers leave by. */
  readonly externalInterface: ChosenInterface | undefined
}

const FIRST_LINE = 'selvedge leases 1'

/** Of the second line: it holds a config, and a record as text, whose characters may each be escaped. */
const HEADER_LIMITS: JsonLimits = {
  maxLength: CONFIG_LIMITS.maxLength + 6 * RECORD_LIMITS.maxLength + 64 * 1024,
  maxDepth: CONFIG_LIMITS.maxDepth + 1,
  maxKeys: CONFIG_LIMITS.maxKeys + 100,
}

/** A millisecond's work, so that saving 65,000 leases holds nothing up. */
const LEASES_PER_CHUNK = 500

/**
 * The text of a lease cache, in chunks: a first line that says what it is, a line of JSON, then a line for each lease as
 * etcd holds it (`<key> <value>`, and ` <created>` if the store says that), then the number of leases and the SHA-256 of
 * everything before.
 */
export function* encodeLeaseCache(content: LeaseCacheContent): Generator<string> {
  const { store, network, nodeAddresses, externalInterface } = content
  const hash = createHash('sha256')
  const { config, own, leases, storeAddresses = [], asOf } = network
  const header = {
    store,
    asOf: new Date(asOf).toISOString(),
    config: networkConfigJson(config),
    ...(Object.keys(nodeAddresses).length > 0 && { nodeAddresses }),
    ...(externalInterface !== undefined && { externalInterface: interfaceFields(externalInterface) }),
    ...(storeAddresses.length > 0 && { storeAddresses }),
    ...(own !== undefined && {
      own: {
        key: leaseKey(own),
        attributes: encodeLeaseAttributes(own.attributes),
        ...(own.expiresAt !== undefined && { expiresAt: new Date(own.expiresAt).toISOString() }),
        ...(isAge(own.created) && isAge(own.version) && { created: own.created, version: own.version }),
      },
    }),
  }
  let chunk = `${FIRST_LINE}\n${JSON.stringify(header)}\n`
  let count = 0
  for (const [key, { attributes, created }] of leases) {
    chunk += `${key} ${encodeLeaseAttributes(attributes)}${isAge(created) ? ` ${created}` : ''}\n`
    count += 1
    if (count % LEASES_PER_CHUNK !== 0) continue
    hash.update(chunk)
    yield chunk
    chunk = ''
  }
  hash.update(chunk)
  yield `${chunk}${JSON.stringify({ leases: count, sha256: hash.digest('hex') })}\n`
}

/** How many lines `decodeCachedNode` needs. */
export const NODE_LINES = 2

/** What a lease cache says of the node itself. */
export interface CachedNode {
  /** The store that it was saved from. */
  readonly store: string
  readonly lease: Lease | undefined
  readonly externalInterface: ChosenInterface | undefined
}

/**
 * Reads the first lines of a lease cache alone, since the rest may be long. No checksum covers them: what they say is to be
 * compared with what the host and the store say. Throws an Error that says what is wrong with them.
 */
export function decodeCachedNode(text: string): CachedNode {
  const [first, second = '', end] = text.split('\n')
  requireFirstLine(first)
  if (end === undefined) throw new SyntaxError('it is incomplete')
  const { store, own, externalInterface } = readObject(second, 'its second line')
  return {
    store: readText('store', store),
    lease: readOwn(own),
    externalInterface: readInterface(externalInterface),
  }
}

/** Throws an Error that says why the text is not to be trusted. */
export function decodeLeaseCache(text: string): LeaseCacheContent {
  const lines = text.split('\n')
  requireFirstLine(lines[0])
  const trailer = lines.at(-2)
  if (lines.length < 4 || trailer === undefined || lines.at(-1) !== '')
    throw new SyntaxError('it is incomplete')
  const body = text.slice(0, text.length - trailer.length - 1)
  const { leases: count, sha256 } = readObject(trailer, 'its last line')
  if (count !== lines.length - 4 || sha256 !== createHash('sha256').update(body).digest('hex')) {
    throw new SyntaxError('it is incomplete or was changed: its checksum does not match')
  }
  const header = readObject(lines[1] ?? '', 'its second line')
  const { store, asOf, config, own, nodeAddresses, storeAddresses, externalInterface } = header
  const leases = new Map(lines.slice(2, -2).map((line) => readLease(line)))
  if (typeof store !== 'string' || !isJsonObject(config))
    throw new SyntaxError('its second line is incomplete')
  return {
    store,
    network: {
      config: parseNetworkConfig(config),
      own: readOwn(own),
      leases,
      storeAddresses: readStoreAddresses(storeAddresses),
      asOf: readTime(asOf),
    },
    nodeAddresses: readNodeAddresses(nodeAddresses),
    externalInterface: readInterface(externalInterface),
  }
}

function requireFirstLine(line: string | undefined): void {
  if (line !== FIRST_LINE) throw new SyntaxError(`it does not begin with '${FIRST_LINE}'`)
}

function readObject(text: string, what: string): Readonly<Record<string, unknown>> {
  const value: unknown = parseJson(text, HEADER_LIMITS)
  if (!isJsonObject(value)) throw new SyntaxError(`${what} is not a JSON object`)
  return value
}

function readLease(line: string): [key: string, lease: Lease] {
  const space = line.indexOf(' ')
  const key = line.slice(0, Math.max(0, space))
  const end = line.lastIndexOf('}') + 1
  const lease = decodeLease(key, line.slice(space + 1, end))
  if (end === line.length) return [key, lease]
  // Spelled out: of a spread, V8 makes a shape of its own for each of tens of thousands of leases.
  const { subnet, ipv6Subnet, attributes } = lease
  return [key, { subnet, ipv6Subnet, attributes, created: readCreated(line.slice(end)) }]
}

/** Which of two claims is older must be known while the store is unavailable, too. */
function readCreated(text: string): number {
  const created = /^ \d+$/.test(text) ? Number(text) : undefined
  if (!isAge(created)) throw new SyntaxError(`${quote(text)} is not the age of a lease`)
  return created
}

const isAge = (created: unknown): created is number =>
  typeof created === 'number' && Number.isSafeInteger(created) && created >= 0

function readOwn(value: unknown): Lease | undefined {
  if (value === undefined) return undefined
  if (!isJsonObject(value)) throw new SyntaxError('own is not a JSON object')
  const { key, attributes, expiresAt, created, version } = value
  return {
    ...decodeLease(readText('key', key), readText('attributes', attributes)),
    ...(expiresAt !== undefined && { expiresAt: readTime(expiresAt) }),
    ...(isAge(created) && isAge(version) && { created, version }),
  }
}

/** The parts that are kept of one that may say more. */
const interfaceFields = ({
  name,
  macAddress,
  mtu,
  ipv4,
  ipv6,
  reason,
}: ChosenInterface): ChosenInterface => ({
  name,
  macAddress,
  mtu,
  ipv4,
  ipv6,
  reason,
})

function readInterface(value: unknown): ChosenInterface | undefined {
  if (value === undefined) return undefined
  if (!isJsonObject(value)) throw new SyntaxError('externalInterface is not a JSON object')
  const { name, macAddress, mtu, ipv4, ipv6, reason } = value
  return {
    name: readText('name', name),
    ...(macAddress !== undefined && { macAddress: readText('macAddress', macAddress) }),
    ...(mtu !== undefined && { mtu: readMtu(mtu) }),
    ...(ipv4 !== undefined && { ipv4: readAddress(ipv4, 4) }),
    ...(ipv6 !== undefined && { ipv6: readAddress(ipv6, 6) }),
    ...(reason !== undefined && { reason: readText('reason', reason) }),
  }
}

function readNodeAddresses(value: unknown): PublicAddresses {
  if (value === undefined) return {}
  if (!isJsonObject(value)) throw new SyntaxError('nodeAddresses is not a JSON object')
  const { publicIp, publicIpv6 } = value
  return {
    ...(publicIp !== undefined && { publicIp: readAddress(publicIp, 4) }),
    ...(publicIpv6 !== undefined && { publicIpv6: readAddress(publicIpv6, 6) }),
  }
}

function readStoreAddresses(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw new SyntaxError('storeAddresses is not a list')
  return value.map((text) => {
    const address = typeof text === 'string' ? parseAddress(text) : undefined
    if (address === undefined) throw new SyntaxError(`${quote(text)} is not an IP address`)
    return formatAddress(address)
  })
}

function readAddress(value: unknown, family: Family): string {
  const address = typeof value === 'string' ? parseAddress(value) : undefined
  if (address?.family !== family) throw new SyntaxError(`${quote(value)} is not an IPv${family} address`)
  return formatAddress(address)
}

/** In bytes, as far as a link can have one. */
function readMtu(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 68 || value > 0x7fffffff) {
    throw new SyntaxError(`${quote(value)} is not an MTU`)
  }
  return value
}

function readText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new SyntaxError(`${name} is ${quote(value)}, not a string`)
  return value
}

function readTime(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isNaN(time)) throw new SyntaxError(`${quote(value)} is not a time`)
  return time
}
