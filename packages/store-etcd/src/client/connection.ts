import {
  Channel,
  type ChannelOptions,
  connectivityState,
  credentials,
  InterceptingCall,
  type Interceptor,
  type Metadata,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import { noop } from 'cockatiel'
import { Etcd3 } from 'etcd3'
import type { EtcdApi } from './api.js'
import type { Credentials } from './credentials.js'
import { EtcdFailure } from './errors.js'
import { withoutAddressAsServerName } from './server-name.js'
import type { TlsCredentials } from './tls.js'

export interface ConnectionOptions {
  /** `10.0.0.5:2379`. */
  readonly address: string
  /** Absent: without TLS. */
  readonly tls: TlsCredentials | undefined
  readonly auth: Credentials | undefined
  /** How long etcd has to check user name and password. */
  readonly authTimeoutMs: number
  /** Called with the address of the other end, such as `10.0.0.5:2379`, whenever etcd answers. */
  readonly onPeer: (peer: string) => void
}

/**
 * How long connecting may take, in ms: the kernel sends three SYNs in that time (at 0, 1 and 3 s). The next ones follow
 * at 7, 15 and 31 s: a node that waits for those is back half a minute after its network.
 */
export const CONNECT_TIMEOUT_MS = 3_500

/** etcd3 on one gRPC channel to one endpoint. Connects with the first call. */
export class Connection {
  readonly client: EtcdApi
  readonly #options: ConnectionOptions
  readonly #channel: EndpointChannel
  readonly #etcd: Etcd3
  /** Calls in flight. */
  readonly #calls = new Set<InterceptingCall>()
  #authenticating: Promise<void> | undefined
  #token: string | undefined
  /** False if etcd has authentication disabled, though we were given a user. */
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
        : withoutAddressAsServerName(credentials.createSsl(rootCertificate, privateKey, certChain)),
      CHANNEL,
    )
    this.#etcd = new Etcd3({
      // Without a scheme: TLS is the channel's concern.
      hosts: address,
      // EtcdCluster retries: etcd3 does not know which requests may be repeated, nor when to give up.
      faultHandling: { host: () => noop, global: noop },
      // etcd3 would make a channel for each of etcd's services, and leave one open each time it authenticates.
      grpcOptions: { channelOverride: this.#channel, interceptors: [this.#intercept] },
    })
    this.client = this.#etcd
  }

  get isReady(): boolean {
    return this.#channel.getConnectivityState(false) === connectivityState.READY
  }

  /** Resolves once connected, or once gRPC knows why it cannot be: a call then fails with that reason. */
  async ready(): Promise<void> {
    const deadline = Date.now() + CONNECT_TIMEOUT_MS
    for (;;) {
      // Asked first: a closed channel that is asked for its state connects again.
      if (this.#closed) throw new EtcdFailure('unavailable', 'the attempt to connect was abandoned')
      const state = this.#channel.getConnectivityState(true)
      if (state === connectivityState.TRANSIENT_FAILURE) return
      if (state === connectivityState.READY) break
      await this.#change(state, deadline)
    }
    if (!this.#hasUser || this.#token !== undefined) return
    this.#authenticating ??= this.#authenticate()
    await this.#authenticating
  }

  /** The next call authenticates again. */
  forgetToken(): void {
    this.#token = undefined
  }

  /** Starts, or stops, naming the user in calls. */
  setHasUser(hasUser: boolean): void {
    this.#hasUser = hasUser
    this.#token = undefined
  }

  /** Closes the channel, and cancels the calls in flight. */
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
        // Makes a member end its streams when it loses its leader: cut off from the others, it would stay silent for ever.
        if (options.method_definition.requestStream) metadata.set('hasleader', 'true')
        this.#calls.add(call)
        next(metadata, {
          ...listener,
          onReceiveMetadata: (received: Metadata) => {
            this.#options.onPeer(call.getPeer())
            listener.onReceiveMetadata(received)
          },
          onReceiveStatus: (ended: StatusObject) => {
            this.#calls.delete(call)
            // At this text etcd3 repeats the call for as long as etcd refuses the token. Renewing it is EtcdCluster's task.
            const text = ended.details.replace('etcdserver: invalid auth token', 'invalid auth token')
            // A server, or a proxy before it, may repeat what it was sent.
            const details = this.#token ? text.replaceAll(this.#token, '(the token)') : text
            listener.onReceiveStatus({ ...ended, details })
          },
        })
      },
    })
    return call
  }
}

/** Closed only by its owner: etcd3 closes the channels of an endpoint after any failure. */
class EndpointChannel extends Channel {
  override close(): void {}

  shutDown(): void {
    super.close()
    // An IP address is resolved in the next turn of the event loop, which connects even a closed channel (grpc-js 1.14).
    setImmediate(() => super.close())
  }
}

const CHANNEL: ChannelOptions = {
  // Detects a peer that froze or vanished within 8 s; without pings it is never detected. etcd closes the connection of
  // a client that pings more often than every 5 s (--grpc-keepalive-min-time), and at exactly 5 s some pings are early.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 2_000,
  // For a connection that was lost. One that cannot be established is given up, and EtcdCluster decides when to retry.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.use_local_subchannel_pool': 1,
  // Lists are read in pages, and watches in fragments: no reply takes more memory than this, whatever etcd holds.
  'grpc.max_receive_message_length': 16 * 2 ** 20,
  // Settings come only from the options, not from http_proxy or DNS TXT records.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
  // gRPC does not know either which requests may be repeated.
  'grpc.enable_retries': 0,
}
