import type { LinkType } from './link-type.js'

/**
 * WireGuard links (drivers/net/wireguard). They have no settings here: keys, ports and peers are set by generic netlink,
 * which is another driver's, that of `@selvedge/backend-wireguard`.
 */
export const wireguard: LinkType = {
  name: 'wireguard',
  changeable: [],
  encode: () => {},
  decode: () => ({}),
}
