import { OverlayError } from '@selvedge/core'
import type { Endpoint, Settings } from '../options.js'
import type { EtcdClient } from './api.js'
import { EtcdFailure } from './errors.js'
import { GrpcEtcdClient } from './etcd-client.js'
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
  #client: GrpcEtcdClient | undefined
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
    if (what === 'token') return this.#client?.forgetToken()
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

  #connect(credentials: TlsCredentials): GrpcEtcdClient {
    const { auth, requestTimeout } = this.#settings
    const { address, secure } = this.#endpoint
    try {
      return new GrpcEtcdClient({
        address,
        tls: secure ? credentials : undefined,
        auth: this.#authenticates ? auth : undefined,
        authTimeout: requestTimeout,
      })
    } catch (error) {
      throw OverlayError.from(error, 'INVALID_CONFIG', `making a client for etcd at ${this.name}`)
    }
  }
}
