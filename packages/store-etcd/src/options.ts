import type { Clock, OverlayError, Random } from '@selvedge/core'
import { systemClock } from '@selvedge/core/kit'
import type { EtcdClient } from './client/api.js'
import type { Credentials } from './client/connection.js'
import { type EndpointUrl, invalidOption, parseEndpoint } from './client/endpoint-url.js'
import type { EtcdTls } from './client/tls.js'
import { DEFAULT_PREFIX } from './keys.js'

export interface EtcdSubnetManagerOptions {
  /**
   * URLs of the members of one etcd cluster: `https://10.0.0.5:2379`; port 2379 where none is given. Any one that
   * answers will do. Not together with `client`.
   */
  readonly endpoints?: readonly string[] | undefined
  /** Where the network is kept. Default: `/coreos.com/network`. */
  readonly prefix?: string | undefined
  /**
   * For `https` endpoints: the certificates as PEM text, or a function that gives them, asked again before each new
   * connection, such as `tlsFiles({ ca: '/etc/etcd/ca.pem' })`. A CA alone will do, so will a client certificate with
   * its key alone, or nothing at all.
   */
  readonly tls?: EtcdTls | (() => EtcdTls | Promise<EtcdTls>) | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** How long a lease lasts unless renewed, in ms: whole seconds, at least 5 s. Default: 24 hours, as with flannel. */
  readonly leaseTermMs?: number | undefined
  /** How long one endpoint has to answer one request, in ms. Default: 5000; three times that for all leases. */
  readonly requestTimeoutMs?: number | undefined
  /**
   * How long a call goes on asking where no endpoint answers, in ms, before it rejects with `STORE_UNAVAILABLE`; it
   * asks each endpoint at least once. Default: 10,000. Watches never give up.
   */
  readonly patienceMs?: number | undefined
  /** Told why a call waits: the network config is not there yet, or etcd went away while it was waited for. */
  readonly onWaiting?: ((why: OverlayError) => void) | undefined
  /**
   * A client to use instead of making one per endpoint, such as `new Etcd3(…)` of the package etcd3. It stays the
   * caller's to close, and its own options hold: without `grpc.keepalive_time_ms` a frozen etcd is not noticed, and
   * `grpc.max_receive_message_length` bounds the size of the network (4 MB, some 15,000 leases, by default).
   */
  readonly client?: EtcdClient | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** The same, checked, with every default filled in. */
export interface Settings {
  readonly endpoints: readonly EndpointUrl[]
  readonly client: EtcdClient | undefined
  readonly prefix: string
  readonly tls: () => EtcdTls | Promise<EtcdTls>
  readonly auth: Credentials | undefined
  readonly leaseTermMs: number
  readonly requestTimeoutMs: number
  readonly patienceMs: number
  readonly onWaiting: (why: OverlayError) => void
  readonly clock: Clock
  readonly random: Random
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Below that, etcd's own minimum (1.5 election timeouts) and a lost request or two leave no time to renew. */
const MIN_TERM_MS = 5_000

/** Throws an OverlayError `INVALID_CONFIG` that names the option and the rule. */
export function readSettings(options: EtcdSubnetManagerOptions): Settings {
  const { endpoints = [], client, username, password, tls = {}, leaseTermMs = DAY_MS } = options
  if ((client === undefined) === (endpoints.length === 0)) {
    throw invalidOption('give either endpoints, such as ["http://127.0.0.1:2379"], or a client')
  }
  if ((username === undefined) !== (password === undefined)) {
    throw invalidOption('username and password belong together; give both, or neither')
  }
  if (leaseTermMs % 1000 !== 0 || !(leaseTermMs >= MIN_TERM_MS)) {
    throw invalidOption(
      `leaseTermMs is ${leaseTermMs}, but must be whole seconds, in ms, from ${MIN_TERM_MS} on`,
    )
  }
  return {
    endpoints: endpoints.map(parseEndpoint),
    client,
    prefix: options.prefix ?? DEFAULT_PREFIX,
    tls: typeof tls === 'function' ? tls : () => tls,
    auth: username === undefined || password === undefined ? undefined : { username, password },
    leaseTermMs,
    requestTimeoutMs: positive('requestTimeoutMs', options.requestTimeoutMs ?? 5_000),
    patienceMs: positive('patienceMs', options.patienceMs ?? 10_000),
    onWaiting: options.onWaiting ?? (() => {}),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  }
}

function positive(name: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value
  throw invalidOption(`${name} is ${value}, but must be a number of milliseconds above 0`)
}
