import { createHash } from 'node:crypto'
import {
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
export function* encodeLeaseCache({ store, network, nodeAddresses }: LeaseCacheContent): Generator<string> {
  const hash = createHash('sha256')
  const { config, own, leases, asOf } = network
  const header = {
    store,
    asOf: new Date(asOf).toISOString(),
    config: networkConfigJson(config),
    ...(Object.keys(nodeAddresses).length > 0 && { nodeAddresses }),
    ...(own !== undefined && {
      own: {
        key: leaseKey(own),
        attributes: encodeLeaseAttributes(own.attributes),
        ...(own.expiresAt !== undefined && { expiresAt: new Date(own.expiresAt).toISOString() }),
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

/** Throws an Error that says why the text is not to be trusted. */
export function decodeLeaseCache(text: string): LeaseCacheContent {
  const lines = text.split('\n')
  if (lines[0] !== FIRST_LINE) throw new SyntaxError(`it does not begin with '${FIRST_LINE}'`)
  const trailer = lines.at(-2)
  if (lines.length < 4 || trailer === undefined || lines.at(-1) !== '')
    throw new SyntaxError('it is incomplete')
  const body = text.slice(0, text.length - trailer.length - 1)
  const { leases: count, sha256 } = readObject(trailer, 'its last line')
  if (count !== lines.length - 4 || sha256 !== createHash('sha256').update(body).digest('hex')) {
    throw new SyntaxError('it is incomplete or was changed: its checksum does not match')
  }
  const { store, asOf, config, own, nodeAddresses } = readObject(lines[1] ?? '', 'its second line')
  const leases = new Map(lines.slice(2, -2).map((line) => readLease(line)))
  if (typeof store !== 'string' || !isJsonObject(config))
    throw new SyntaxError('its second line is incomplete')
  return {
    store,
    network: { config: parseNetworkConfig(config), own: readOwn(own), leases, asOf: readTime(asOf) },
    nodeAddresses: readNodeAddresses(nodeAddresses),
  }
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

const isAge = (created: number | undefined): created is number =>
  created !== undefined && Number.isSafeInteger(created) && created >= 0

function readOwn(value: unknown): Lease | undefined {
  if (value === undefined) return undefined
  if (!isJsonObject(value)) throw new SyntaxError('own is not a JSON object')
  const { key, attributes, expiresAt } = value
  const lease = decodeLease(readText('key', key), readText('attributes', attributes))
  return expiresAt === undefined ? lease : { ...lease, expiresAt: readTime(expiresAt) }
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

function readAddress(value: unknown, family: Family): string {
  const address = typeof value === 'string' ? parseAddress(value) : undefined
  if (address?.family !== family) throw new SyntaxError(`${quote(value)} is not an IPv${family} address`)
  return formatAddress(address)
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
