import type { Agent, RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { OverlayError } from '@selvedge/core'
import type { KubeConfigAccess, KubeDiscoveryAccess } from './access.js'
import type { Connection, Connector } from './connector.js'
import type { HttpAgentCache } from './http-agent-cache.js'
import { parseApiUrl } from './target-connector.js'

/**
 * Connects with the help of client-node, which finds the cluster and gets credentials from plugins and providers. Import
 * this module dynamically: loading it takes half a second and 70 MB.
 */
export class ClientNodeConnector implements Connector {
  readonly #access: KubeConfigAccess | KubeDiscoveryAccess
  readonly #agents: HttpAgentCache
  #config: KubeConfig | undefined

  /** @param agents closed with this connector; an earlier connector may have used them */
  constructor(access: KubeConfigAccess | KubeDiscoveryAccess, agents: HttpAgentCache) {
    this.#access = access
    this.#agents = agents
  }

  async connect(): Promise<Connection> {
    this.#config ??= this.#load()
    const config = this.#config
    const cluster = config.getCurrentCluster()
    if (cluster === null) {
      throw new OverlayError('INVALID_CONFIG', `${this.#where} names no cluster in its current context`)
    }
    const apiUrl = 'apiUrl' in this.#access ? this.#access.apiUrl : undefined
    const url = parseApiUrl(apiUrl ?? cluster.server)
    const options = await this.#authenticated(config)
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, agent } = options
    const proxied = cluster.proxyUrl === undefined ? undefined : () => agent as Agent
    // Node's TLS distinguishes an absent option from an undefined one.
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }).filter(
        ([, value]) => value !== undefined,
      ),
    )
    return { url, agent: this.#agents.agentFor(url, tls, proxied), headers: headersOf(options) }
  }

  /** A plugin's credentials are cached until they expire, or until the server rejects them. */
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

  #load(): KubeConfig {
    const config = new KubeConfig()
    try {
      if ('kubeconfigFile' in this.#access) config.loadFromFile(this.#access.kubeconfigFile)
      else config.loadFromDefault()
    } catch (error) {
      throw new OverlayError('INVALID_CONFIG', `${this.#where} cannot be read as one${faultOf(error)}`)
    }
    if ('context' in this.#access && this.#access.context !== undefined) {
      config.setCurrentContext(this.#access.context)
    }
    // Without TLS there is nothing to verify, but client-node insists on being told so.
    for (const cluster of config.clusters) {
      if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true })
    }
    return config
  }

  async #authenticated(config: KubeConfig): Promise<RequestOptions> {
    const options: RequestOptions = {}
    try {
      await config.applyToHTTPSOptions(options)
    } catch (error) {
      throw new OverlayError(
        'ACCESS_DENIED',
        `getting the credentials that ${this.#where} names for user '${config.getCurrentUser()?.name}' failed` +
          faultOf(error),
      )
    }
    return options
  }
}

/**
 * The part of an error that is safe to show: a failed system call, such as starting a plugin that does not exist. A
 * parser's message quotes the file, and a plugin's error what it printed; either may contain credentials.
 */
function faultOf(error: unknown): string {
  return typeof Reflect.get(Object(error), 'syscall') === 'string' ? `: ${String(error)}` : ''
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
