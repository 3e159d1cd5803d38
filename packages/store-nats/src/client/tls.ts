/**
 * TLS: each part as PEM text, or as the path of a file, which is read again for each connection, so that renewed
 * certificates are used without a restart. `certFile` and `keyFile` are this node's own, for servers that verify their
 * clients. Default authorities: Node.js's.
 */
export interface NatsTls {
  /** The authorities that may have signed the servers' certificates, as PEM text. */
  readonly ca?: string | undefined
  /** The same, as the path of a file. */
  readonly caFile?: string | undefined
  /** This node's own certificate, as PEM text, if servers ask for one. Needs its key. */
  readonly cert?: string | undefined
  /** The same, as the path of a file. */
  readonly certFile?: string | undefined
  /** The private key of this node's certificate, as PEM text. */
  readonly key?: string | undefined
  /** The same, as the path of a file. */
  readonly keyFile?: string | undefined
}

/** As the client library takes it: without the parts that are not there. */
export function givenParts(tls: NatsTls): { [Part in keyof NatsTls]: string } {
  const given = Object.entries(tls).filter((part): part is [string, string] => part[1] !== undefined)
  return Object.fromEntries(given)
}
