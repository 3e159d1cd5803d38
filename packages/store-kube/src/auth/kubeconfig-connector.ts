import { readFile } from 'node:fs/promises'
import { OverlayError } from '@selvedge/core'
import type { KubeConfigAccess, KubeDiscoveryAccess } from './access.js'
import type { Connection, Connector } from './connector.js'
import { HttpAgentCache } from './http-agent-cache.js'
import { TargetConnector } from './target-connector.js'

/**
 * Connects as a kubeconfig file says. The file is read before every request, and parsed again if it has changed:
 * rotated credentials need no restart.
 *
 * Most files name a token or a client certificate, which need no library. The others are left to client-node, which is
 * loaded only for them because it takes half a second and 70 MB.
 */
export class KubeconfigConnector implements Connector {
  readonly #access: KubeConfigAccess
  #text: string | undefined
  #connector: Connector | undefined
  readonly #agents = new HttpAgentCache()

  constructor(access: KubeConfigAccess) {
    this.#access = access
  }

  async connect(): Promise<Connection> {
    const text = await this.#read()
    if (this.#connector === undefined || this.#text !== text) {
      this.#connector = await this.#connectorFor(text)
      this.#text = text
    }
    return this.#connector.connect()
  }

  forget(): void {
    this.#connector?.forget()
  }

  close(): void {
    this.#agents.close()
  }

  async #read(): Promise<string> {
    const { kubeconfigFile } = this.#access
    try {
      return await readFile(kubeconfigFile, 'utf8')
    } catch (cause) {
      const message = `reading the kubeconfig ${kubeconfigFile}: ${String(cause)}`
      throw new OverlayError('INVALID_CONFIG', message, { cause })
    }
  }

  async #connectorFor(text: string): Promise<Connector> {
    const { readKubeconfig } = await import('./kubeconfig.js')
    const target = readKubeconfig(text, this.#access)
    if (target !== undefined) return new TargetConnector(target, this.#agents)
    const { ClientNodeConnector } = await import('./client-node-connector.js')
    return new ClientNodeConnector(this.#access, this.#agents)
  }
}

/** Connects to the cluster that client-node finds. */
export class DiscoveryConnector implements Connector {
  readonly #access: KubeDiscoveryAccess
  #connector: Connector | undefined
  readonly #agents = new HttpAgentCache()

  constructor(access: KubeDiscoveryAccess) {
    this.#access = access
  }

  async connect(): Promise<Connection> {
    const { ClientNodeConnector } = await import('./client-node-connector.js')
    this.#connector ??= new ClientNodeConnector(this.#access, this.#agents)
    return this.#connector.connect()
  }

  forget(): void {
    this.#connector?.forget()
  }

  close(): void {
    this.#agents.close()
  }
}
