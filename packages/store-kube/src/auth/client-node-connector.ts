import type { Agent, RequestOptions } from 'node:https'
import { KubeConfig, type User } from '@kubernetes/client-node'
import { OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { Connection, Connector, ShowWait } from './connector.js'
import { ExecPlugin } from './exec-plugin.js'
import type { ForClientNode } from './kubeconfig.js'
import { readPlugin } from './plugin-config.js'
import { parseApiUrl } from './target-connector.js'

/** A kubeconfig that needs client-node. */
export interface ClientNodeSource extends ForClientNode {
  /** Overrides the server that the kubeconfig names. */
  readonly apiUrl: string | undefined
  /** Such as `the kubeconfig /etc/kubernetes/agent.conf`, for messages. */
  readonly where: string
}

const DISCOVERED =
  'the kubeconfig found by discovery ($KUBECONFIG, ~/.kube/config, the service account of a pod)'

/** How long a provider may take, in ms: as long as a plugin. */
const PROVIDER_TIMEOUT_MS = 30_000

/**
 * Connects with the help of client-node, which finds the cluster and gets credentials from providers. Import this module
 * dynamically: loading it takes half a second and 70 MB.
 */
export class ClientNodeConnector implements Connector {
  readonly #source: ClientNodeSource | undefined
  readonly #showWait: ShowWait
  #config: KubeConfig | undefined
  #plugin: ExecPlugin | undefined

  /** @param source default: what client-node discovers */
  constructor(source: ClientNodeSource | undefined, showWait: ShowWait) {
    this.#source = source
    this.#showWait = showWait
    this.#plugin = source?.plugin && new ExecPlugin(source.plugin, showWait)
  }

  async connect(): Promise<Connection> {
    this.#config ??= this.#load()
    const config = this.#config
    const cluster = config.getCurrentCluster()
    if (cluster === null) {
      throw new OverlayError('INVALID_CONFIG', `${this.#where} names no cluster in its current context`)
    }
    const url = parseApiUrl(this.#source?.apiUrl ?? cluster.server)
    await this.#applyPlugin(config)
    const options = await this.#authenticated(config)
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, agent } = options
    // Node's TLS distinguishes an absent option from an undefined one.
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }).filter(
        ([, value]) => value !== undefined,
      ),
    )
    const makeAgent = cluster.proxyUrl === undefined ? undefined : () => agent as Agent
    return { url, tls, headers: headersOf(options), makeAgent }
  }

  forget(): void {
    this.#config = undefined
    this.#plugin?.forget()
  }

  close(): void {
    this.#plugin?.close()
  }

  get #where(): string {
    return this.#source?.where ?? DISCOVERED
  }

  #load(): KubeConfig {
    const config = new KubeConfig()
    try {
      if (this.#source === undefined) config.loadFromDefault()
      else config.loadFromString(this.#source.kubeconfig)
    } catch (error) {
      throw new OverlayError('INVALID_CONFIG', `${this.#where} cannot be read${faultOf(error)}`)
    }
    // Without TLS there is nothing to verify, but client-node insists on being told so.
    for (const cluster of config.clusters) {
      if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true })
    }
    this.#takePlugin(config)
    return config
  }

  /** client-node would wait for a plugin without a limit, and leave it running. */
  #takePlugin(config: KubeConfig): void {
    const user = config.getCurrentUser()
    const exec: unknown = user?.exec ?? user?.authProvider?.config?.exec
    if (user === null || exec === undefined || exec === null) return
    Object.assign(user, { exec: undefined, authProvider: undefined } satisfies Partial<User>)
    const context = { where: this.#where, folder: undefined, cluster: {} }
    this.#plugin ??= new ExecPlugin(readPlugin(exec, context), this.#showWait)
  }

  async #applyPlugin(config: KubeConfig): Promise<void> {
    const user = config.getCurrentUser()
    if (this.#plugin === undefined || user === null) return
    const { token, cert, key } = await this.#plugin.credential()
    const base64 = (pem: string | undefined) => pem && Buffer.from(pem).toString('base64')
    Object.assign(user, { token, certData: base64(cert), keyData: base64(key) })
  }

  async #authenticated(config: KubeConfig): Promise<RequestOptions> {
    const options: RequestOptions = {}
    const what = `getting the credentials that ${this.#where} names`
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      const message = `${what}: no answer for ${PROVIDER_TIMEOUT_MS / 1000} s`
      timer = setTimeout(() => reject(new OverlayError('ACCESS_DENIED', message)), PROVIDER_TIMEOUT_MS)
    })
    try {
      await Promise.race([config.applyToHTTPSOptions(options), timeout])
    } catch (error) {
      if (error instanceof OverlayError) throw error
      throw new OverlayError('ACCESS_DENIED', `${what} failed${faultOf(error)}`)
    } finally {
      clearTimeout(timer)
    }
    return options
  }
}

/**
 * The part of an error that is safe to show: a failed system call, such as reading a file that does not exist. A
 * parser's message quotes the file, and a provider's what it received; either may contain credentials.
 */
function faultOf(error: unknown): string {
  return typeof Reflect.get(Object(error), 'syscall') === 'string' ? `: ${printable(String(error))}` : ''
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers ?? {})) {
    // client-node keeps the newline at the end of a token file, and a header may not contain one.
    if (value !== undefined && value !== null) all[name.toLowerCase()] = String(value).trim()
  }
  if (typeof auth === 'string') all.authorization = `Basic ${Buffer.from(auth).toString('base64')}`
  return all
}
