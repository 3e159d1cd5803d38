import { isIP } from 'node:net'
import type { Clock, OverlayError, Random } from '@selvedge/core'
import {
  callback,
  checkOptions,
  clockShape,
  either,
  listOf,
  number,
  printable,
  record,
  systemClock,
  text,
  withMethods,
} from '@selvedge/core/kit'
import type { Credentials } from './client/credentials.js'
import { type EndpointUrl, invalidOption, parseEndpoint } from './client/endpoint-url.js'
import type { EtcdClient } from './client/etcd-client.js'
import type { EtcdTls } from './client/tls.js'
import { DEFAULT_PREFIX } from './keys.js'

/**
 * Which etcd, which network in it, and how long to wait for it. The constructor throws an OverlayError
 * `INVALID_CONFIG` for an option that breaks a rule.
 */
export interface EtcdSubnetManagerOptions {
  /**
   * URLs of one etcd cluster: `https://10.0.0.5:2379`. Default port: 2379. Any one that answers is enough; `http` and
   * `https` may be mixed. Not together with `client`.
   */
  readonly endpoints?: readonly string[] | undefined
  /** The prefix of the network's keys. Default: `/coreos.com/network`. */
  readonly prefix?: string | undefined
  /**
   * For `https` endpoints: the certificates as PEM text, or a function that returns them, which is called for each new
   * connection, such as `tlsFiles({ ca: '/etc/etcd/ca.pem' })`. A CA alone is enough, as is a client certificate with its
   * key. Default: the authorities that Node.js trusts, and no client certificate.
   */
  readonly tls?: EtcdTls | (() => EtcdTls | Promise<EtcdTls>) | undefined
  /** A user of etcd, with `password`. Ignored while etcd has authentication disabled. Default: no user. */
  readonly username?: string | undefined
  /** The password of `username`. It appears in no message. */
  readonly password?: string | undefined
  /** How long a lease lasts unless renewed, in ms: whole seconds, at least 5 s. Default: 24 hours, as with flannel. */
  readonly leaseTermMs?: number | undefined
  /** How long one endpoint has to answer one request, in ms. Default: 5000; three times that for all leases. */
  readonly requestTimeoutMs?: number | undefined
  /**
   * How long a call keeps asking if no endpoint answers, in ms, before it rejects with `STORE_UNAVAILABLE`; it asks each
   * endpoint at least once. Default: 10,000. Watches never give up.
   */
  readonly patienceMs?: number | undefined
  /** Called with the reason why a call waits: there is no network config yet, or etcd is unavailable meanwhile. */
  readonly onWaiting?: ((why: OverlayError) => void) | undefined
  /**
   * Called when a watch is cut, as balancers do with idle connections, that had stood for a second or longer: it is opened
   * again at once, and no change is missed. For a debug log.
   */
  readonly onWatchCut?: ((error: OverlayError) => void) | undefined
  /**
   * Your own client instead of one per endpoint, such as `new Etcd3(…)` of the package etcd3; the README says what to
   * make it with. You close it. Not together with `endpoints`; `tls`, `username` and `password` are the client's own.
   */
  readonly client?: EtcdClient | undefined
  /**
   * IP addresses at which etcd is reached besides those that the store knows from `endpoints` and its connections: no
   * peer's subnet may contain one. Give them with `client`, whose connections the store does not see. Default: none.
   */
  readonly addresses?: readonly string[] | undefined
  /** For tests. Default: the system's. */
  readonly clock?: Clock | undefined
  /** For tests. Default: `Math.random`. */
  readonly random?: Random | undefined
}

/** The options, checked and with defaults. */
export interface Settings {
  readonly endpoints: readonly EndpointUrl[]
  readonly client: EtcdClient | undefined
  readonly addresses: readonly string[]
  readonly prefix: string
  readonly tls: () => EtcdTls | Promise<EtcdTls>
  readonly auth: Credentials | undefined
  readonly leaseTermMs: number
  readonly requestTimeoutMs: number
  readonly patienceMs: number
  readonly onWaiting: (why: OverlayError) => void
  readonly onWatchCut: (error: OverlayError) => void
  readonly clock: Clock
  readonly random: Random
}

const DAY_MS = 24 * 60 * 60 * 1000

/** In ms. Below it, etcd's own minimum (1.5 election timeouts) and a lost request or two leave no time to renew. */
const MIN_TERM_MS = 5_000

/**
 * Throws an OverlayError `INVALID_CONFIG` that names the option and the rule; a TypeError for an option that does not exist
 * or is of another type.
 */
export function readSettings(options: EtcdSubnetManagerOptions = {}): Settings {
  checkOptions<EtcdSubnetManagerOptions>('new EtcdSubnetManager()', options, {
    endpoints: listOf(text, '["http://127.0.0.1:2379"]'),
    prefix: text,
    tls: either(record, callback),
    username: text,
    password: text,
    leaseTermMs: number,
    requestTimeoutMs: number,
    patienceMs: number,
    onWaiting: callback,
    onWatchCut: callback,
    client: withMethods('a client, such as an Etcd3'),
    addresses: listOf(text),
    clock: clockShape,
    random: callback,
  })
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
    addresses: (options.addresses ?? []).map(parseAddress),
    prefix: options.prefix ?? DEFAULT_PREFIX,
    tls: typeof tls === 'function' ? tls : () => tls,
    auth: username === undefined || password === undefined ? undefined : { username, password },
    leaseTermMs,
    requestTimeoutMs: positive('requestTimeoutMs', options.requestTimeoutMs ?? 5_000),
    patienceMs: positive('patienceMs', options.patienceMs ?? 10_000),
    onWaiting: options.onWaiting ?? (() => {}),
    onWatchCut: options.onWatchCut ?? (() => {}),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  }
}

function parseAddress(text: string): string {
  if (isIP(text) !== 0) return text
  throw invalidOption(`addresses has '${printable(text)}', which is no IP address`)
}

function positive(name: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value
  throw invalidOption(`${name} is ${value}, but must be a number of milliseconds above 0`)
}
