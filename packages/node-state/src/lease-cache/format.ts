import { createHash } from 'node:crypto'
import { type Lease, leaseKey, type PublicAddresses, parseNetworkConfig } from '@selvedge/core'
import { decodeLeaseAttributes, encodeLeaseAttributes, isJsonObject, parseLeaseKey } from '@selvedge/core/kit'
import type { KnownNetwork } from './known-network.js'
import { networkConfigJson } from './network-config-json.js'

/** What a lease cache holds. */
export interface LeaseCacheContent {
  /** Tells one store from another. */
  readonly store: string
  readonly network: KnownNetwork
  /** The addresses that the store assigns to this node. */
  readonly nodeAddresses: PublicAddresses
}

const FIRST_LINE = 'selvedge leases 1'

/** A millisecond's work, so that saving 65,000 leases holds nothing up. */
const LEASES_PER_CHUNK = 500

/**
 * The text of a lease cache, in chunks: a first line that says what it is, a line of JSON, then a line for each lease as
 * etcd holds it (`<key> <value>`), then the number of leases and the SHA-256 of everything before.
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
  for (const [key, { attributes }] of leases) {
    chunk += `${key} ${encodeLeaseAttributes(attributes)}\n`
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
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) throw new SyntaxError(`${what} is not a JSON object`)
  return value
}

function readLease(line: string): [key: string, lease: Lease] {
  const space = line.indexOf(' ')
  const lease = leaseOf(line.slice(0, space), line.slice(space + 1))
  return [leaseKey(lease), lease]
}

function readOwn(value: unknown): Lease | undefined {
  if (value === undefined) return undefined
  if (!isJsonObject(value)) throw new SyntaxError('own is not a JSON object')
  const { key, attributes, expiresAt } = value
  const lease = leaseOf(String(key), String(attributes))
  return expiresAt === undefined ? lease : { ...lease, expiresAt: readTime(expiresAt) }
}

function readNodeAddresses(value: unknown): PublicAddresses {
  if (value === undefined) return {}
  if (!isJsonObject(value)) throw new SyntaxError('nodeAddresses is not a JSON object')
  const { publicIp, publicIpv6 } = value
  return {
    ...(publicIp !== undefined && { publicIp: String(publicIp) }),
    ...(publicIpv6 !== undefined && { publicIpv6: String(publicIpv6) }),
  }
}

function leaseOf(key: string, value: string): Lease {
  const subnets = parseLeaseKey(key)
  if (subnets === undefined) throw new SyntaxError(`'${key}' is not the key of a lease`)
  return { subnet: subnets.subnet, ipv6Subnet: subnets.ipv6Subnet, attributes: decodeLeaseAttributes(value) }
}

function readTime(value: unknown): number {
  const time = Date.parse(String(value))
  if (Number.isNaN(time)) throw new SyntaxError(`${JSON.stringify(value)} is not a time`)
  return time
}
