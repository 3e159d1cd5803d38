import {
  Channel,
  type ChannelOptions,
  connectivityState,
  credentials,
  InterceptingCall,
  type Interceptor,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import { noop } from 'cockatiel'
import { Etcd3 } from 'etcd3'
import type { EtcdClient } from './api.js'
import { EtcdFailure } from './errors.js'
import type { TlsCredentials } from './tls.js'

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface ConnectionOptions {
  /** `10.0.0.5:2379`. */
  readonly address: string
  /** Absent: without TLS. */
  readonly tls: TlsCredentials | undefined
  readonly auth: Credentials | undefined
  /** How long etcd has to check user and password. */
  readonly authTimeoutMs: number
}

/**
 * How long a connection may take, in ms: three SYNs are on their way by then (at 0, 1 and 3 s). The kernel's next ones
 * come after 7, 15 and 31 s; waiting for those, a node would be back half a minute after its network.
 */
export const CONNECT_TIMEOUT_MS = 3_500

/** etcd3 on one channel to one endpoint. Connects with the first call. */
export class Connection {
  readonly client: EtcdClient
  readonly #options: ConnectionOptions
  readonly #channel: EndpointChannel
  readonly #etcd: Etcd3
  /** Calls under way. */
  readonly #calls = new Set<InterceptingCall>()
  #authenticating: Promise<void> | undefined
  #token: string | undefined
  /** False if etcd knows no users, though we were given one. */
  #hasUser: boolean
  #closed = false

  constructor(options: ConnectionOptions) {
    const { address, tls, auth } = options
    const { rootCertificate = null, privateKey = null, certChain = null } = tls ?? {}
    this.#options = options
    this.#hasUser = auth !== undefined
    this.#channel = new EndpointChannel(
      address,
      tls === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(rootCertificate, privateKey, certChain),
      CHANNEL,
    )
    this.#etcd = new Etcd3({
      // Without its scheme: TLS, if any, is the channel's.
      hosts: address,
      // Retries are EtcdCluster's: etcd3's own neither know which requests may be repeated nor when to give up.
      faultHandling: { host: () => noop, global: noop },
      // etcd3 makes a channel for each of etcd's services, and one that stays open for each time it authenticates.
      grpcOptions: { channelOverride: this.#channel, interceptors: [this.#intercept] },
    })
    this.client = this.#etcd
  }

  get isReady(): boolean {
    return this.#channel.getConnectivityState(false) === connectivityState.READY
  }

  /** Resolves when a call can be made, or would fail with the reason that gRPC has by now. */
  async ready(): Promise<void> {
    const deadline = Date.now() + CONNECT_TIMEOUT_MS
    for (;;) {
      // Not asked of the channel: one that is closed would connect again.
      if (this.#closed) throw new EtcdFailure('unavailable', 'the attempt to connect was ended')
      const state = this.#channel.getConnectivityState(true)
      if (state === connectivityState.TRANSIENT_FAILURE) return
      if (state === connectivityState.READY) break
      await this.#change(state, deadline)
    }
    if (!this.#hasUser || this.#token !== undefined) return
    this.#authenticating ??= this.#authenticate()
    await this.#authenticating
  }

  /** The next call begins with a new token. */
  forgetToken(): void {
    this.#token = undefined
  }

  /** Begins, or ceases, to name a user in calls. */
  setHasUser(hasUser: boolean): void {
    this.#hasUser = hasUser
    this.#token = undefined
  }

  /** Ends it, and the calls under way. */
  close(): void {
    this.#closed = true
    for (const call of this.#calls) call.cancelWithStatus(status.CANCELLED, 'the connection was closed')
    this.#channel.shutDown()
  }

  #change(from: connectivityState, deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#channel.watchConnectivityState(from, deadline, (late) => {
        if (late === undefined) resolve()
        else reject(new EtcdFailure('unavailable', `no connection within ${CONNECT_TIMEOUT_MS / 1000} s`))
      })
    })
  }

  async #authenticate(): Promise<void> {
    const { auth, authTimeoutMs } = this.#options
    if (auth === undefined) return
    const user = { name: auth.username, password: auth.password }
    try {
      const { token } = await this.#etcd.auth.authenticate(user, { deadline: Date.now() + authTimeoutMs })
      this.#token = token
    } finally {
      this.#authenticating = undefined
    }
  }

  readonly #intercept: Interceptor = (options, nextCall) => {
    const call = new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        if (this.#token !== undefined) metadata.set('token', this.#token)
        // Has a member end its streams when it loses its leader: cut off from the others, it would stay silent for ever.
        if (options.method_definition.requestStream) metadata.set('hasleader', 'true')
        this.#calls.add(call)
        next(metadata, {
          ...listener,
          onReceiveStatus: (ended: StatusObject) => {
            this.#calls.delete(call)
            // At this text etcd3 would repeat the call, for as long as etcd refuses the token: renewing it is up to us.
            const details = ended.details.replace('etcdserver: invalid auth token', 'invalid auth token')
            listener.onReceiveStatus({ ...ended, details })
          },
        })
      },
    })
    return call
  }
}

/** Closed by its owner alone: etcd3 closes the channels of an endpoint after any failure. */
class EndpointChannel extends Channel {
  override close(): void {}

  shutDown(): void {
    super.close()
    // An address that is no name is resolved in the next turn of the event loop, and that connects a closed channel.
    setImmediate(() => super.close())
  }
}

const CHANNEL: ChannelOptions = {
  // A connection whose peer froze or vanished is noticed within 8 s, and otherwise never. More often than every 5 s
  // (etcd's --grpc-keepalive-min-time) etcd takes for an attack, and at 5 s sharp some come early: it hung up on us
  // within a minute.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 2_000,
  // A connection that is lost is made again at once. One that cannot be made is given up, and the pauses are EtcdCluster's.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.use_local_subchannel_pool': 1,
  // All leases of the largest IPv4 network with /24 subnets, 65,000, come in one reply of some 16 MB.
  'grpc.max_receive_message_length': -1,
  // Settings come from the options alone, not from http_proxy or from TXT records.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
  // gRPC's own retries know neither which requests may be repeated nor when to give up.
  'grpc.enable_retries': 0,
}
