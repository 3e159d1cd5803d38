import { lookup } from 'node:dns/promises'
import { connect, isIP } from 'node:net'
import { OverlayError } from '@selvedge/core'
import type { EtcdApi } from './api.js'
import { CONNECT_TIMEOUT_MS, Connection } from './connection.js'
import type { Credentials } from './credentials.js'
import { type EndpointUrl, hostAndPort } from './endpoint-url.js'
import { EtcdFailure } from './errors.js'
import type { KnownAddresses } from './known-addresses.js'
import { type EtcdTls, type TlsCredentials, tlsCredentials } from './tls.js'

/** What may help after a failure: a new token, or to start or stop naming the user. */
export type Renewal = 'token' | 'auth-on' | 'auth-off'

/** One way to reach etcd. */
export interface Endpoint {
  /** For messages. */
  readonly name: string
  /** Settles as `request` does, or rejects with the reason why there is no connection. */
  call<T>(request: (client: EtcdApi) => Promise<T>): Promise<T>
  renew(what: Renewal): Promise<void>
  close(): void
}

/** The caller's own client: used as it is, and left open. */
export class GivenClient implements Endpoint {
  readonly name = 'the given client'
  readonly #client: EtcdApi
  readonly #probe: Buffer

  /** @param probe a key to read when a token has expired */
  constructor(client: EtcdApi, probe: string) {
    this.#client = client
    this.#probe = Buffer.from(probe)
  }

  call<T>(request: (client: EtcdApi) => Promise<T>): Promise<T> {
    return request(this.#client)
  }

  /** etcd3 replaces an expired token only in unary calls; later streams then use the new one. */
  async renew(what: Renewal): Promise<void> {
    if (what === 'token') await this.#client.kv.range({ key: this.#probe, limit: 1 })
  }

  close(): void {}
}

export interface EndpointOptions {
  readonly tls: () => EtcdTls | Promise<EtcdTls>
  readonly auth: Credentials | undefined
  readonly requestTimeoutMs: number
  /** Gets the endpoint's own, those that its name resolves to, and those of its connections. */
  readonly addresses: KnownAddresses
}

/** An endpoint with a connection of our own, which is made when it is first needed. */
export class UrlEndpoint implements Endpoint {
  readonly name: string
  readonly #url: EndpointUrl
  readonly #options: EndpointOptions
  #connection: Promise<Connection> | undefined
  /** True if the last attempt to connect failed. */
  #unreachable = false
  #closed = false

  constructor(url: EndpointUrl, options: EndpointOptions) {
    this.name = url.url
    this.#url = url
    this.#options = options
    options.addresses.add(url.host)
  }

  async call<T>(request: (client: EtcdApi) => Promise<T>): Promise<T> {
    this.#connection ??= this.#connect()
    const connecting = this.#connection
    const connection = await connecting
    try {
      await connection.ready()
      this.#unreachable = false
      return await request(connection.client)
    } catch (error) {
      if (!connection.isReady) {
        // The next call makes a new one, with the certificates as they are by then.
        this.#unreachable = true
        if (this.#connection === connecting) this.#connection = undefined
        connection.close()
      }
      throw error
    }
  }

  async renew(what: Renewal): Promise<void> {
    const connection = await this.#connection
    if (what === 'token') connection?.forgetToken()
    else connection?.setHasUser(what === 'auth-on')
  }

  close(): void {
    this.#closed = true
    this.#connection?.then(
      (connection) => connection.close(),
      () => {},
    )
  }

  async #connect(): Promise<Connection> {
    void this.#resolve()
    try {
      // gRPC abandons a TCP connect without closing its socket, and the kernel keeps trying for two minutes. Those of a
      // long outage would all be established at its end.
      if (this.#unreachable) await knock(this.#url)
      const tls = this.#url.secure ? await this.#readCredentials() : undefined
      if (this.#closed) throw new EtcdFailure('closed', 'closed before it connected')
      return this.#open(tls)
    } catch (error) {
      this.#connection = undefined
      throw error
    }
  }

  /** Before the first answer, and while etcd is away, these are the addresses at which it may be. */
  async #resolve(): Promise<void> {
    const { addresses } = this.#options
    if (isIP(this.#url.host) === 0) addresses.addNameServers()
    const found = await lookup(this.#url.host, { all: true }).catch(() => [])
    for (const { address } of found) addresses.add(address)
  }

  async #readCredentials(): Promise<TlsCredentials> {
    return tlsCredentials(await this.#options.tls())
  }

  #open(tls: TlsCredentials | undefined): Connection {
    const { auth, requestTimeoutMs: authTimeoutMs, addresses } = this.#options
    const onPeer = (peer: string) => addresses.addPeer(peer)
    try {
      return new Connection({ address: hostAndPort(this.#url), tls, auth, authTimeoutMs, onPeer })
    } catch (error) {
      throw OverlayError.from(error, 'INVALID_CONFIG', `making a client for etcd at ${this.name}`)
    }
  }
}

/** Resolves if `host` accepts a TCP connection, which is closed again. */
function knock({ host, port }: EndpointUrl): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS })
    const fail = (said: string) => {
      socket.destroy()
      reject(new EtcdFailure('unavailable', said))
    }
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => fail(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`))
    socket.once('error', (error) => fail(error.message))
  })
}
