import {
  Client,
  type ClientOptions,
  credentials,
  type CallOptions as GrpcCallOptions,
  Metadata,
} from '@grpc/grpc-js'
import type { CallOptions, EtcdClient, EtcdStream } from './api.js'
import { EtcdFailure } from './errors.js'
import {
  decodeAuthenticateResponse,
  decodeLeaseGrantResponse,
  decodeRangeResponse,
  decodeTxnResponse,
  decodeWatchResponse,
  encodeAuthenticateRequest,
  encodeLeaseGrantRequest,
  encodeLeaseId,
  encodeRangeRequest,
  encodeTxnRequest,
  encodeWatchRequest,
} from './messages.js'
import type { TlsCredentials } from './tls.js'

export interface GrpcClientOptions {
  /** `10.0.0.5:2379`. */
  readonly address: string
  /** Absent: without TLS. */
  readonly tls?: TlsCredentials | undefined
  readonly auth?: { readonly username: string; readonly password: string } | undefined
  /** How long etcd has to answer to user and password, in ms. */
  readonly authTimeout: number
}

/** What of etcd's API the store needs, over gRPC, without retries: those are EtcdCluster's. Connects with the first call. */
export class GrpcEtcdClient implements EtcdClient {
  readonly kv: EtcdClient['kv'] = {
    range: (request, options) =>
      this.#ask('KV/Range', encodeRangeRequest(request), decodeRangeResponse, options),
    txn: (request, options) => this.#ask('KV/Txn', encodeTxnRequest(request), decodeTxnResponse, options),
  }
  readonly leaseClient: EtcdClient['leaseClient'] = {
    leaseGrant: (request, options) =>
      this.#ask('Lease/LeaseGrant', encodeLeaseGrantRequest(request), decodeLeaseGrantResponse, options),
    leaseRevoke: (request, options) =>
      this.#ask('Lease/LeaseRevoke', encodeLeaseId(request), () => undefined, options),
    leaseKeepAlive: (options) =>
      this.#stream('Lease/LeaseKeepAlive', encodeLeaseId, decodeLeaseGrantResponse, options),
  }
  readonly watchClient: EtcdClient['watchClient'] = {
    watch: (options) => this.#stream('Watch/Watch', encodeWatchRequest, decodeWatchResponse, options),
  }
  readonly #options: GrpcClientOptions
  readonly #grpc: Client
  #token: Promise<string> | undefined
  #closed = false

  constructor(options: GrpcClientOptions) {
    const { address, tls } = options
    const { rootCertificate = null, privateKey = null, certChain = null } = tls ?? {}
    this.#options = options
    this.#grpc = new Client(
      address,
      tls === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(rootCertificate, privateKey, certChain),
      CHANNEL,
    )
  }

  /** The next call asks for a new one. */
  forgetToken(): void {
    this.#token = undefined
  }

  close(): void {
    this.#closed = true
    this.#grpc.close()
  }

  async #ask<T>(
    method: string,
    request: Buffer,
    decode: (bytes: Buffer) => T,
    options: CallOptions | undefined,
  ): Promise<T> {
    return this.#unary(method, request, decode, await this.#metadata(), options)
  }

  async #stream<Request>(
    method: string,
    encode: (request: Request) => Buffer,
    decode: (bytes: Buffer) => unknown,
    options: CallOptions | undefined,
  ): Promise<EtcdStream<Request>> {
    const metadata = await this.#metadata()
    // Has a member end its streams when it loses its leader: cut off from the others, it would stay silent for ever.
    metadata.set('hasleader', 'true')
    this.#refuseWhenClosed()
    return this.#grpc.makeBidiStreamRequest(path(method), encode, decode, metadata, callOptions(options))
  }

  async #metadata(): Promise<Metadata> {
    const metadata = new Metadata()
    const { auth } = this.#options
    if (auth === undefined) return metadata
    this.#token ??= this.#authenticate(auth)
    const asked = this.#token
    try {
      metadata.set('token', await asked)
    } catch (error) {
      if (this.#token === asked) this.#token = undefined
      throw error
    }
    return metadata
  }

  #authenticate({ username, password }: { readonly username: string; readonly password: string }) {
    const deadline = Date.now() + this.#options.authTimeout
    const request = encodeAuthenticateRequest(username, password)
    return this.#unary('Auth/Authenticate', request, decodeAuthenticateResponse, new Metadata(), { deadline })
  }

  #unary<T>(
    method: string,
    request: Buffer,
    decode: (bytes: Buffer) => T,
    metadata: Metadata,
    options: CallOptions | undefined,
  ): Promise<T> {
    this.#refuseWhenClosed()
    return new Promise((resolve, reject) => {
      this.#grpc.makeUnaryRequest(
        path(method),
        asItIs,
        decode,
        request,
        metadata,
        callOptions(options),
        (error, reply) => {
          // gRPC gives a reply wherever it gives no error.
          if (error === null) resolve(reply as T)
          else reject(error)
        },
      )
    })
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new EtcdFailure('closed', 'the client was closed')
  }
}

const path = (method: string): string => `/etcdserverpb.${method}`

const asItIs = (bytes: Buffer): Buffer => bytes

const callOptions = ({ deadline }: CallOptions = {}): GrpcCallOptions => ({
  ...(deadline !== undefined && { deadline }),
})

const CHANNEL: ClientOptions = {
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
  // gRPC's own retries know neither which requests may be repeated nor when to give up.
  'grpc.enable_retries': 0,
}
