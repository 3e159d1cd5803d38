import { isIP } from 'node:net'
import type { ChannelCredentials } from '@grpc/grpc-js'

/**
 * grpc-js (1.14) names the host to TLS as server name (SNI) even if it is an IP address, which RFC 6066, section 3, does not
 * permit: Node.js warned of it (DEP0123), and from 26 on refuses to connect. No option of grpc-js leaves the name out. Without
 * one the certificate is checked all the same, against the address.
 */
export function withoutAddressAsServerName(credentials: ChannelCredentials): ChannelCredentials {
  const create = credentials._createSecureConnector.bind(credentials)
  credentials._createSecureConnector = (...args) => {
    const connector = create(...args)
    const options: unknown = Reflect.get(connector, 'connectionOptions')
    if (isServerNamed(options) && isIP(options.servername) !== 0) options.servername = ''
    return connector
  }
  return credentials
}

const isServerNamed = (options: unknown): options is { servername: string } =>
  typeof options === 'object' &&
  options !== null &&
  'servername' in options &&
  typeof options.servername === 'string'
