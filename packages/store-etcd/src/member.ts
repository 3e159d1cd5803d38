import { InterceptingCall, type Interceptor } from '@grpc/grpc-js'
import { OverlayError } from '@selvedge/core'
import { noop } from 'cockatiel'
import { Etcd3, type IOptions } from 'etcd3'
import type { EtcdClient } from './etcd-api.js'
import { EtcdFailure } from './failure.js'
import type { Endpoint, Settings } from './options.js'
import { sameCredentials, type TlsCredentials, tlsCredentials } from './tls.js'

/**
 * What may help after a failure: `certificates` connects anew where they have changed, `token` gets a new one, the
 * others begin or cease to name a user.
 */
export type Renewal = 'certificates' | 'token' | 'auth-on' | 'auth-off'

/** One endpoint and the client that talks to it. */
export interface Member {
  /** For messages. */
  readonly name: string
  client(): Promise<EtcdClient>
  renew(what: Renewal): Promise<void>
  close(): void
}

/** The client that the user brought: used as it is, and left open. */
export class GivenMember implements Member {
  readonly name = 'the given client'
  readonly #client: EtcdClient
  readonly #probe: Buffer

  constructor(client: EtcdClient, probe: string) {
    this.#client = client
    this.#probe = Buffer.from(probe)
  }

  async client(): Promise<EtcdClient> {
    return this.#client
  }

  /** etcd3 exchanges an expired token in unary calls only, and for later streams too. */
  async renew(what: Renewal): Promise<void> {
    if (what === 'token') await this.#client.kv.range({ key: this.#probe, limit: 1 })
  }

  close(): void {}
}

/** A client of our own for one endpoint, made when it is first needed. */
export class EndpointMember implements Member {
  readonly name: string
  readonly #endpoint: Endpoint
  readonly #settings: Settings
  #client: EtcdClient | undefined
  #credentials: TlsCredentials = {}
  /** False where etcd knows no users, though we were given one. */
  #authenticates = true
  #closed = false

  constructor(endpoint: Endpoint, settings: Settings) {
    this.name = endpoint.url
    this.#endpoint = endpoint
    this.#settings = settings
  }

  async client(): Promise<EtcdClient> {
    if (this.#client !== undefined) return this.#client
    const credentials = await this.#readCredentials()
    if (this.#closed) throw new EtcdFailure('closed', 'closed before it connected')
    // Two calls may have waited for the certificates: the first one back makes the client.
    if (this.#client === undefined) {
      this.#credentials = credentials
      this.#client = this.#connect(credentials)
    }
    return this.#client
  }

  async renew(what: Renewal): Promise<void> {
    if (what === 'certificates' && sameCredentials(await this.#readCredentials(), this.#credentials)) return
    if (what === 'auth-off') this.#authenticates = false
    if (what === 'auth-on') this.#authenticates = true
    this.#disconnect()
  }

  close(): void {
    this.#closed = true
    this.#disconnect()
  }

  #disconnect(): void {
    this.#client?.close()
    this.#client = undefined
  }

  async #readCredentials(): Promise<TlsCredentials> {
    return this.#endpoint.secure ? tlsCredentials(await this.#settings.tls()) : {}
  }

  #connect(credentials: TlsCredentials): EtcdClient {
    const { auth, requestTimeout } = this.#settings
    const options: IOptions = {
      hosts: this.#endpoint.url,
      // Retries are EtcdCluster's: etcd3's own neither know which requests may be repeated nor when to give up.
      faultHandling: { host: () => noop, global: noop },
      grpcOptions,
      defaultCallOptions: ({ isStream }) => (isStream ? { interceptors: [requireLeader] } : {}),
    }
    if (Object.keys(credentials).length > 0) {
      // etcd3 declares a CA as required; gRPC takes Node's own authorities where there is none.
      options.credentials = credentials as Required<TlsCredentials>
    }
    if (auth !== undefined && this.#authenticates) {
      options.auth = { ...auth, callOptions: () => ({ deadline: Date.now() + requestTimeout }) }
    }
    try {
      return new Etcd3(options)
    } catch (error) {
      throw OverlayError.from(error, 'INVALID_CONFIG', `making a client for etcd at ${this.name}`)
    }
  }
}

const grpcOptions = {
  // A connection whose peer froze or vanished is noticed within 8 s, and otherwise never. More often than every 5 s
  // (etcd's --grpc-keepalive-min-time) etcd takes for an attack, and at 5 s sharp some come early: it hung up on us
  // within a minute.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 2_000,
  // gRPC's own pause between attempts to connect grows to two minutes, in which calls fail without an attempt.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.use_local_subchannel_pool': 1,
  // All leases of the largest IPv4 network with /24 subnets, 65,000, come in one reply of some 16 MB.
  'grpc.max_receive_message_length': -1,
  // Settings come from the options alone, not from http_proxy or from TXT records.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
}

/** Has a member end its streams when it loses its leader: cut off from the others, it would stay silent for ever. */
const requireLeader: Interceptor = (options, nextCall) =>
  new InterceptingCall(nextCall(options), {
    start(metadata, listener, next) {
      const required = metadata.clone()
      required.set('hasleader', 'true')
      next(required, listener)
    },
  })
