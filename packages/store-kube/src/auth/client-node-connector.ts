import type { Agent, RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { OverlayError } from '@selvedge/core'
import type { KubeConfigAccess, KubeDiscoveryAccess } from './access.js'
import type { AgentKeeper, Connection, Connector } from './http-agent-cache.js'
import { parseApiUrl } from './target-connector.js'

/**
 * Connects with client-node's help, of which nothing else is used: it finds the cluster, and proves who this is by
 * plugins and providers. Import this module where it is needed alone.
 */
export class ClientNodeConnector implements Connector {
  readonly #access: KubeConfigAccess | KubeDiscoveryAccess
  readonly #agents: AgentKeeper
  #config: KubeConfig | undefined

  /** @param agents closed with this connector; another may have used them before */
  constructor(access: KubeConfigAccess | KubeDiscoveryAccess, agents: AgentKeeper) {
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
    // To Node's TLS an absent key is not the same as an undefined one.
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }).filter(
        ([, value]) => value !== undefined,
      ),
    )
    return { url, agent: this.#agents.agentFor(url, tls, proxied), headers: headersOf(options) }
  }

  /** A plugin's answer is kept until it ends by its own account; not so where the server does not take it. */
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
    // Without TLS there is nothing to verify, and client-node refuses to go on unless that is said.
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
 * What of an error is safe to show: that of a system call, such as a plugin that is not there. A parser's shows the
 * lines around the fault, and a plugin's what it printed, either of which may be credentials.
 */
function faultOf(error: unknown): string {
  return typeof Reflect.get(Object(error), 'syscall') === 'string' ? `: ${String(error)}` : ''
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
