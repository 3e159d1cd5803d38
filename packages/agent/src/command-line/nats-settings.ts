import { invalid, UsageError } from './flag-set.js'
import type { FlagName, SelvedgedFlags } from './flannel-flags.js'

/** A key-value bucket of NATS, and who this node is to its servers. */
export interface NatsSettings {
  readonly type: 'nats'
  /** URLs of the servers of one cluster; one or more. */
  readonly servers: readonly string[]
  /** The key-value bucket of the network. */
  readonly bucket: string
  /** The JetStream domain of the bucket; undefined for the servers' own. */
  readonly domain: string | undefined
  /** Undefined if the servers are asked as nobody. */
  readonly credentials: NatsCredentialSettings | undefined
  /** Paths of PEM files. */
  readonly tls: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string }
  /** How long a lease lasts unless renewed, in ms: whole seconds, at least 5,000. */
  readonly leaseTermMs: number
  /** On how many servers of a cluster a bucket that is made is kept: 1, 3 or 5. */
  readonly replicas: number
}

/** Files are read again for each connection. */
export type NatsCredentialSettings =
  | {
      /** A user of the server's configuration. */
      readonly username: string
      /** A secret. */
      readonly password: string
    }
  | {
      /** The token of the server's configuration. A secret. */
      readonly token: string
    }
  | {
      /** The path of a file with the seed of an nkey, `SU…`. */
      readonly nkeyFile: string
    }
  | {
      /** The path of a creds file, as `nsc generate creds` writes it. */
      readonly credsFile: string
    }

const MIN_LEASE_TERM_MS = 5_000

/** Throws a UsageError for flags that name another store too, and for values that are not valid. */
export function natsSettings(values: SelvedgedFlags, given: ReadonlySet<FlagName>): NatsSettings {
  for (const flag of ['kube-subnet-mgr', 'etcd-endpoints'] as const) {
    if (given.has(flag) && values[flag] !== false) {
      throw new UsageError(`flags -nats-servers and -${flag} name two stores: give one`)
    }
  }
  const { 'nats-cafile': caFile, 'nats-certfile': certFile, 'nats-keyfile': keyFile } = values
  const { 'nats-bucket': bucket, 'nats-lease-ttl': ttl, 'nats-replicas': replicas } = values
  if ((certFile === '') !== (keyFile === '')) {
    throw new UsageError('flags -nats-certfile and -nats-keyfile belong together: give both, or neither')
  }
  if (!/^[-\w]+$/.test(bucket)) {
    throw invalid('nats-bucket', bucket, 'it may have letters, digits, hyphens and underscores')
  }
  const { 'nats-domain': domain } = values
  if (!/^[-\w]*$/.test(domain)) {
    throw invalid('nats-domain', domain, 'it may have letters, digits, hyphens and underscores')
  }
  if (ttl < MIN_LEASE_TERM_MS || ttl % 1000 !== 0) {
    throw invalid('nats-lease-ttl', `${ttl / 1000}s`, 'it must be whole seconds, at least 5s')
  }
  if (![1, 3, 5].includes(replicas)) throw invalid('nats-replicas', replicas, 'it must be 1, 3 or 5')
  return {
    type: 'nats',
    servers: values['nats-servers'].split(',').map((text) => serverOf(text.trim())),
    bucket,
    domain: domain === '' ? undefined : domain,
    credentials: credentialsOf(values),
    tls: { ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) },
    leaseTermMs: ttl,
    replicas,
  }
}

function credentialsOf(values: SelvedgedFlags): NatsCredentialSettings | undefined {
  const { 'nats-username': username, 'nats-password': password, 'nats-token': token } = values
  const { 'nats-nkey': nkeyFile, 'nats-creds': credsFile } = values
  if ((username === '') !== (password === '')) {
    throw new UsageError('flags -nats-username and -nats-password belong together: give both, or neither')
  }
  const ways: readonly NatsCredentialSettings[] = [
    ...(username === '' ? [] : [{ username, password }]),
    ...(token === '' ? [] : [{ token }]),
    ...(nkeyFile === '' ? [] : [{ nkeyFile }]),
    ...(credsFile === '' ? [] : [{ credsFile }]),
  ]
  if (ways.length > 1) {
    throw new UsageError(
      'flags -nats-username, -nats-token, -nats-nkey and -nats-creds say who this node is: give one of them',
    )
  }
  return ways[0]
}

/** Accepts `host:port` without a scheme, as NATS' own clients do. */
function serverOf(text: string): string {
  const url = text.includes('://') ? text : `nats://${text}`
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isServer = parsed !== undefined && /^(nats|tls):$/.test(parsed.protocol) && parsed.hostname !== ''
  // What precedes an `@` may be a password, or a token.
  const shown = text.slice(text.lastIndexOf('@') + 1)
  if (!isServer || !/^\/?$/.test(parsed.pathname) || parsed.search !== '' || parsed.hash !== '') {
    throw invalid('nats-servers', shown, 'each must be a URL such as nats://10.0.0.5:4222')
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalid(
      'nats-servers',
      shown,
      'user and password go into -nats-username and -nats-password, a token into -nats-token',
    )
  }
  return url
}
