import { OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'

/** The address of an endpoint of etcd. */
export interface EndpointUrl {
  /** As in messages: `https://10.0.0.5:2379`. */
  readonly url: string
  /** A name or an address; an IPv6 one without its brackets. */
  readonly host: string
  readonly port: number
  /** True for TLS. */
  readonly secure: boolean
}

const ENDPOINT = /^(https?):\/\/(?:\[([\da-f:.]+)\]|([^\s:/@?#[\]]+))(?::(\d{1,5}))?\/?$/i

/** Throws an OverlayError `INVALID_CONFIG` if `text` is not the URL of an endpoint. */
export function parseEndpoint(text: string): EndpointUrl {
  const [, scheme = '', ipv6, name = '', digits = '2379'] = ENDPOINT.exec(text) ?? []
  const port = Number(digits)
  if (scheme === '' || port > 65_535) {
    // Only the part after an `@` is shown: the part before it may hold a password.
    const shown = text.slice(text.lastIndexOf('@') + 1)
    throw invalidOption(
      `endpoint '${printable(shown)}' must be http or https, a host and a port, such as https://10.0.0.5:2379`,
    )
  }
  const host = ipv6 ?? name
  const url = `${scheme.toLowerCase()}://${hostAndPort({ host, port })}`
  return { url, host, port, secure: scheme.toLowerCase() === 'https' }
}

/** `10.0.0.5:2379`, `[fd00::5]:2379`. */
export function hostAndPort({ host, port }: Pick<EndpointUrl, 'host' | 'port'>): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function invalidOption(rule: string): OverlayError {
  return new OverlayError('INVALID_CONFIG', `the options of the etcd store: ${rule}`)
}
