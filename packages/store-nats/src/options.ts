import { isIP } from 'node:net'
import { type Clock, OverlayError, type Random } from '@selvedge/core'
import {
  callback,
  checkOptions,
  clockShape,
  either,
  listOf,
  number,
  printable,
  record,
  required,
  systemClock,
  text,
} from '@selvedge/core/kit'
import type { NatsCredentials } from './client/credentials.js'
import { parseServer, type ServerUrl } from './client/server-url.js'
import { type NatsTls, whyNoTls } from './client/tls.js'

/** Which NATS, which bucket of it, and how long to wait for it. */
export interface NatsSubnetManagerOptions {
  /**
   * URLs of the servers of one cluster: `nats://10.0.0.5:4222`, `tls://nats.example.com`, `nats://[fd00::5]`. Default
   * port: 4222. Any one that answers is enough; the others of its cluster are learned from it. With TLS, a server's
   * certificate must be for the name or address that is given here.
   */
  readonly servers: readonly string[]
  /**
   * The key-value bucket of the network; it is made if it is missing. Letters, digits, `-` and `_`. Default: `selvedge`.
   * On servers before NATS 2.11, which let the keys of a bucket end only all at one age, the leases are in a second bucket,
   * `<bucket>-leases`.
   */
  readonly bucket?: string | undefined
  /**
   * Who this node is, or a function that says it, which is called for each connection, such as
   * `credsFile('/etc/selvedge/node.creds')`: renewed credentials are used without a restart. Default: nobody.
   */
  readonly credentials?: NatsCredentials | (() => NatsCredentials) | undefined
  /**
   * With it, even empty, or with a `tls://` URL, a server without TLS is refused. Default: TLS if the server offers it.
   */
  readonly tls?: NatsTls | undefined
  /**
   * The JetStream domain that has the bucket, if it is not that of `servers`: the hub's, for a node at a leaf node. Letters,
   * digits, `-` and `_`. Default: the servers' own.
   */
  readonly domain?: string | undefined
  /** On how many servers of a cluster a bucket that is made is kept: 1, 3 or 5. Default: 1. */
  readonly replicas?: number | undefined
  /**
   * How long a lease lasts unless renewed, in ms: whole seconds, at least 5 s. Default: 24 hours, as with flannel. Of a
   * bucket `<bucket>-leases` that exists already, its own age limit counts.
   */
  readonly leaseTermMs?: number | undefined
  /** How long the server has to answer one request, in ms. Default: 5000; three times that for all leases. */
  readonly requestTimeoutMs?: number | undefined
  /**
   * How long a call keeps asking if no server answers, in ms, before it rejects with `STORE_UNAVAILABLE`; it asks at least
   * once. Default: 10,000. Watches never give up.
   */
  readonly patienceMs?: number | undefined
  /** Called with the reason why a call waits: there is no network config yet, or NATS is unavailable meanwhile. */
  readonly onWaiting?: ((why: OverlayError) => void) | undefined
  /** Called when a watch is cut that had stood for a second or longer, and is opened again at once. For a debug log. */
  readonly onWatchCut?: ((error: OverlayError) => void) | undefined
  /**
   * IP addresses at which NATS is reached besides those of `servers` and of its connections: no peer's subnet may contain
   * one. Default: none.
   */
  readonly addresses?: readonly string[] | undefined
  /** For tests. Default: the system's. */
  readonly clock?: Clock | undefined
  /** For tests. Default: `Math.random`. */
  readonly random?: Random | undefined
}

/** The options, checked and with defaults. */
export interface Settings {
  readonly servers: readonly ServerUrl[]
  readonly bucket: string
  readonly credentials: (() => NatsCredentials) | undefined
  readonly tls: NatsTls | undefined
  readonly domain: string | undefined
  readonly replicas: number
  readonly leaseTermMs: number
  readonly requestTimeoutMs: number
  readonly patienceMs: number
  readonly onWaiting: (why: OverlayError) => void
  readonly onWatchCut: (error: OverlayError) => void
  readonly addresses: readonly string[]
  readonly clock: Clock
  readonly random: Random
}

export const DEFAULT_BUCKET = 'selvedge'

const DAY_MS = 24 * 60 * 60 * 1000

/** In ms. Below it, a lost request or two leave no time to renew. */
const MIN_TERM_MS = 5_000

/**
 * Throws an OverlayError `INVALID_CONFIG` that names the option and the rule; a TypeError for an option that is missing, does
 * not exist or is of another type.
 */
export function readSettings(options: NatsSubnetManagerOptions): Settings {
  checkOptions<NatsSubnetManagerOptions>('new NatsSubnetManager()', options, {
    servers: required(listOf(text, '["nats://127.0.0.1:4222"]')),
    bucket: text,
    credentials: either(record, callback),
    tls: record,
    domain: text,
    replicas: number,
    leaseTermMs: number,
    requestTimeoutMs: number,
    patienceMs: number,
    onWaiting: callback,
    onWatchCut: callback,
    addresses: listOf(text),
    clock: clockShape,
    random: callback,
  })
  const {
    servers,
    bucket = DEFAULT_BUCKET,
    credentials,
    domain,
    replicas = 1,
    leaseTermMs = DAY_MS,
  } = options
  if (servers.length === 0)
    throw invalidOption('servers is empty; give at least one, such as nats://127.0.0.1:4222')
  if (!/^[-\w]+$/.test(bucket)) {
    throw invalidOption(`bucket is '${printable(bucket)}', but may have only letters, digits, - and _`)
  }
  if (domain !== undefined && !/^[-\w]+$/.test(domain)) {
    throw invalidOption(`domain is '${printable(domain)}', but may have only letters, digits, - and _`)
  }
  const whyNot = options.tls && whyNoTls(options.tls)
  if (whyNot !== undefined) throw invalidOption(whyNot)
  if (![1, 3, 5].includes(replicas)) throw invalidOption(`replicas is ${replicas}, but must be 1, 3 or 5`)
  if (leaseTermMs % 1000 !== 0 || !(leaseTermMs >= MIN_TERM_MS)) {
    throw invalidOption(
      `leaseTermMs is ${leaseTermMs}, but must be whole seconds, in ms, from ${MIN_TERM_MS} on`,
    )
  }
  const urls = servers.map(parseServer)
  const secure = urls.some((url) => url.secure)
  return {
    servers: urls,
    bucket,
    credentials: typeof credentials === 'function' ? credentials : credentials && (() => credentials),
    tls: options.tls ?? (secure ? {} : undefined),
    domain,
    replicas,
    leaseTermMs,
    requestTimeoutMs: positive('requestTimeoutMs', options.requestTimeoutMs ?? 5_000),
    patienceMs: positive('patienceMs', options.patienceMs ?? 10_000),
    onWaiting: options.onWaiting ?? (() => {}),
    onWatchCut: options.onWatchCut ?? (() => {}),
    addresses: (options.addresses ?? []).map(parseAddress),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  }
}

export function invalidOption(rule: string): OverlayError {
  return new OverlayError('INVALID_CONFIG', `the options of the NATS store: ${rule}`)
}

function parseAddress(text: string): string {
  if (isIP(text) !== 0) return text
  throw invalidOption(`addresses has '${printable(text)}', which is no IP address`)
}

function positive(name: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value
  throw invalidOption(`${name} is ${value}, but must be a number of milliseconds above 0`)
}
