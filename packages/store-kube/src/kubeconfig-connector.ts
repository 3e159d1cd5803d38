import { readFile } from 'node:fs/promises'
import type { Agent, RequestOptions } from 'node:https'
import { OverlayError } from '@selvedge/core'
import type { KubeConfigAccess, KubeDiscoveryAccess } from './access.js'
import { AgentKeeper, type Connection, type Connector } from './connection.js'
import { parseApiUrl } from './url-connector.js'

/** `@kubernetes/client-node`, of which nothing else is used: finding the cluster and proving who this is. */
type KubeConfig = import('@kubernetes/client-node').KubeConfig

/**
 * Connects as a kubeconfig says. The file is looked at before every request, and read again where it has changed, or
 * where the API server did not take what it said: a rotated token, certificate or plugin's answer needs no restart.
 */
export class KubeconfigConnector implements Connector {
  readonly #access: KubeConfigAccess | KubeDiscoveryAccess
  readonly #agents = new AgentKeeper()
  #config: KubeConfig | undefined
  #readFrom: string | undefined

  constructor(access: KubeConfigAccess | KubeDiscoveryAccess) {
    this.#access = access
  }

  async connect(): Promise<Connection> {
    const config = await this.#current()
    const cluster = config.getCurrentCluster()
    if (cluster === null) {
      throw new OverlayError('INVALID_CONFIG', `${this.#where} names no cluster in its current context`)
    }
    const apiUrl = 'apiUrl' in this.#access ? this.#access.apiUrl : undefined
    const url = parseApiUrl(apiUrl ?? cluster.server)
    const options = await this.#authenticated(config)
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, agent } = options
    const proxied = cluster.proxyUrl === undefined ? undefined : () => agent as Agent
    // An absent key is not the same as undefined to Node's TLS.
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }).filter(
        ([, value]) => value !== undefined,
      ),
    )
    return { url, agent: this.#agents.agentFor(url, tls, proxied), headers: headersOf(options) }
  }

  forget(): void {
    this.#config = undefined
  }

  close(): void {
    this.#agents.close()
  }

  get #where(): string {
    return 'kubeconfigFile' in this.#access
      ? `the kubeconfig ${this.#access.kubeconfigFile}`
      : 'the kubeconfig found by discovery ($KUBECONFIG, ~/.kube/config, the service account of a pod)'
  }

  async #current(): Promise<KubeConfig> {
    const text = await this.#text()
    if (this.#config !== undefined && this.#readFrom === text) return this.#config
    const { KubeConfig } = await import('@kubernetes/client-node')
    const config = new KubeConfig()
    try {
      if ('kubeconfigFile' in this.#access) config.loadFromFile(this.#access.kubeconfigFile)
      else config.loadFromDefault()
    } catch (error) {
      // The parser's message shows the lines around the fault, which may be credentials.
      throw new OverlayError(
        'INVALID_CONFIG',
        `${this.#where} cannot be read as a kubeconfig${faultOf(error)}`,
      )
    }
    if ('context' in this.#access && this.#access.context !== undefined) {
      config.setCurrentContext(this.#access.context)
    }
    // Without TLS there is nothing to verify, and client-node refuses to go on unless that is said.
    for (const cluster of config.clusters) {
      if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true })
    }
    this.#config = config
    this.#readFrom = text
    return config
  }

  async #text(): Promise<string | undefined> {
    if (!('kubeconfigFile' in this.#access)) return undefined
    try {
      return await readFile(this.#access.kubeconfigFile, 'utf8')
    } catch (cause) {
      throw new OverlayError('INVALID_CONFIG', `reading ${this.#where}: ${String(cause)}`, { cause })
    }
  }

  async #authenticated(config: KubeConfig): Promise<RequestOptions> {
    const options: RequestOptions = {}
    try {
      await config.applyToHTTPSOptions(options)
    } catch (error) {
      // What a plugin printed may be a token: only a system's error, such as a missing file, is passed on.
      throw new OverlayError(
        'ACCESS_DENIED',
        `getting the credentials that ${this.#where} names for user '${config.getCurrentUser()?.name}' ` +
          `failed${faultOf(error)}`,
      )
    }
    return options
  }
}

/** What of an error is safe to show: a system call's code and path, a parser's reason and line. */
function faultOf(error: unknown): string {
  const field = (name: string): unknown => Reflect.get(Object(error), name)
  if (typeof field('syscall') === 'string') return `: ${String(error)}`
  const line = Reflect.get(Object(field('mark')), 'line')
  if (typeof field('reason') !== 'string') return ''
  return `: ${field('reason')}${typeof line === 'number' ? ` in line ${line + 1}` : ''}`
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers ?? {})) {
    // A token read from a file keeps its line's end, which no header may hold.
    if (value !== undefined && value !== null) all[name.toLowerCase()] = String(value).trim()
  }
  if (typeof auth === 'string') all.authorization = `Basic ${Buffer.from(auth).toString('base64')}`
  return all
}
