import { OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'

/** The address of a server. */
export interface ServerUrl {
  /** As in messages: `nats://10.0.0.5:4222`. */
  readonly url: string
  /** A name or an address; an IPv6 one without its brackets. */
  readonly host: string
  readonly port: number
  /** True for `tls://`. */
  readonly secure: boolean
}

const SERVER = /^(?:(nats|tls):\/\/)?(?:\[([\da-f:.]+)\]|([^\s:/@?#[\]]+))(?::(\d{1,5}))?\/?$/i

/** Throws an OverlayError `INVALID_CONFIG` if `text` is not the URL of a server. */
export function parseServer(text: string): ServerUrl {
  const [matched, scheme = 'nats', ipv6, name = '', digits = '4222'] = SERVER.exec(text) ?? []
  const port = Number(digits)
  if (matched === undefined || port > 65_535) {
    // Only the part after an `@` is shown: the part before it may hold a password.
    const shown = text.slice(text.lastIndexOf('@') + 1)
    const hint = text.includes('@') ? '; give user and password as credentials' : ''
    throw new OverlayError(
      'INVALID_CONFIG',
      `the options of the NATS store: server '${printable(shown)}' must be nats or tls, a host and a port, such as ` +
        `nats://10.0.0.5:4222${hint}`,
    )
  }
  const host = ipv6 ?? name
  const secure = scheme.toLowerCase() === 'tls'
  return { url: `${secure ? 'tls' : 'nats'}://${hostAndPort(host, port)}`, host, port, secure }
}

/** `10.0.0.5:4222`, `[fd00::5]:4222`. */
export const hostAndPort = (host: string, port: number): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`
