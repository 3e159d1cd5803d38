/**
 * TLS: each part as PEM text, or as the path of a file, which is read again for each connection, so that renewed
 * certificates are used without a restart. `certFile` and `keyFile` are this node's own, for servers that verify their
 * clients. Default authorities: Node.js's.
 */
export interface NatsTls {
  readonly ca?: string | undefined
  readonly caFile?: string | undefined
  readonly cert?: string | undefined
  readonly certFile?: string | undefined
  readonly key?: string | undefined
  readonly keyFile?: string | undefined
}

/** As the client library takes it: without the parts that are not there. */
export function givenParts(tls: NatsTls): { [Part in keyof NatsTls]: string } {
  const given = Object.entries(tls).filter((part): part is [string, string] => part[1] !== undefined)
  return Object.fromEntries(given)
}
