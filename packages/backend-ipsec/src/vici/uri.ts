import { isIPv6, type NetConnectOpts } from 'node:net'
import { OverlayError } from '@selvedge/core'
import { quote } from '@selvedge/core/kit'

/** What `sun_path` of unix(7) holds, without the byte that ends it. */
const MAX_PATH_BYTES = 107

/**
 * Where charon listens: `unix:///run/charon.vici` or `tcp://127.0.0.1:4502`. Throws an OverlayError `INVALID_CONFIG`
 * for anything else.
 */
export function parseViciUri(uri: string): NetConnectOpts {
  const place = read(uri)
  if (typeof place !== 'string') return place
  throw new OverlayError('INVALID_CONFIG', `viciUri is ${quote(uri)}, but ${place}`)
}

/** Why a text is no URI of charon's vici, such as `its port must be 1 to 65535`; undefined if it is one. */
export function whyNoViciUri(uri: string): string | undefined {
  const place = read(uri)
  return typeof place === 'string' ? place : undefined
}

/** @returns what is wrong, if it is a string */
function read(uri: string): NetConnectOpts | string {
  const [, scheme, rest = ''] = /^(unix|tcp):\/\/(.*)$/s.exec(uri) ?? []
  if (scheme === undefined) return 'must be such as unix:///run/charon.vici or tcp://127.0.0.1:4502'
  return scheme === 'unix' ? readPath(rest) : readAddress(rest)
}

function readPath(path: string): NetConnectOpts | string {
  if (!/^\/./.test(path)) return 'its path must be absolute, as in unix:///run/charon.vici'
  if (path.includes('\0')) return 'its path must not contain a null byte'
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `its path must be at most ${MAX_PATH_BYTES} bytes`
  return { path }
}

function readAddress(text: string): NetConnectOpts | string {
  const [, ipv6, name, digits] = /^(?:\[([^\]]+)\]|([^:/[\]\s@]+)):(\d+)$/.exec(text) ?? []
  const host = ipv6 ?? name
  if (host === undefined || (ipv6 !== undefined && !isIPv6(ipv6)))
    return 'must have a host and a port, as in tcp://127.0.0.1:4502 or tcp://[::1]:4502'
  const port = Number(digits)
  return port >= 1 && port <= 65_535 ? { host, port } : 'its port must be 1 to 65535'
}
