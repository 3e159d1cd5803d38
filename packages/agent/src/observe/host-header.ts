import { parseAddress } from '@selvedge/core/kit'

/**
 * Whether a request's Host header names this host: by an IP address, as `localhost`, or by its host name, with or without
 * the domain. HTTP/1.0 needs no header.
 *
 * Any other name may be one that an attacker has pointed to this host: a web page that was loaded from it would be allowed
 * to read the answer (DNS rebinding), even at a loopback address. A page cannot have an address of this host as its origin.
 *
 * @param hostname as os.hostname() returns it
 */
export function namesThisHost(header: string | undefined, hostname: string): boolean {
  if (header === undefined) return true
  const host = withoutPort(header.trim().toLowerCase()).replace(/\.$/, '')
  if (parseAddress(host.replace(/^\[(.*)\]$/, '$1')) !== undefined) return true
  const own = hostname.toLowerCase()
  if (host === '') return false
  return host === 'localhost' || host === own || host === own.split('.', 1)[0]
}

const withoutPort = (host: string): string => host.replace(/:\d{1,5}$/, '')
