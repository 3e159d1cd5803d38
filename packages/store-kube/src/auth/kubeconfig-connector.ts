import { isOverlayError, OverlayError } from '@selvedge/core'
import { readTextFile } from '../read-file.js'
import type { KubeConfigAccess } from './access.js'
import { loadClientNode } from './client-node.js'
import type { Connection, Connector, ShowWait } from './connector.js'
import { TargetConnector } from './target-connector.js'

/** Certificates and CAs may be in it. */
const MAX_KUBECONFIG_BYTES = 1024 * 1024

/**
 * Connects as a kubeconfig file says. The file is read before every request, and parsed again if it has changed:
 * rotated credentials need no restart.
 *
 * Most files name a token, a client certificate or a plugin, which need no library. The others are left to client-node,
 * which is loaded for them alone.
 */
export class KubeconfigConnector implements Connector {
  readonly #access: KubeConfigAccess
  readonly #showWait: ShowWait
  #current: { readonly text: string; readonly connector: Promise<Connector> } | undefined
  /** Whether the file was valid before: if it is not now, it may be half written. */
  #wasValid = false

  constructor(access: KubeConfigAccess, showWait: ShowWait) {
    this.#access = access
    this.#showWait = showWait
  }

  async connect(): Promise<Connection> {
    return (await this.#connector()).connect()
  }

  forget(): void {
    this.#withConnector((connector) => connector.forget())
  }

  close(): void {
    this.#withConnector((connector) => connector.close())
  }

  #withConnector(use: (connector: Connector) => void): void {
    // If the file is invalid, connect has reported it.
    this.#current?.connector.then(use, () => {})
  }

  async #connector(): Promise<Connector> {
    try {
      const text = await this.#read()
      if (this.#current?.text !== text) {
        this.close()
        this.#current = { text, connector: this.#connectorFor(text) }
      }
      const connector = await this.#current.connector
      this.#wasValid = true
      return connector
    } catch (error) {
      if (!this.#wasValid || !isOverlayError(error, 'INVALID_CONFIG')) throw error
      throw new OverlayError(
        'STORE_UNAVAILABLE',
        `${error.message}; it was valid before, and is read again at the next try`,
        { cause: error },
      )
    }
  }

  async #read(): Promise<string> {
    const { kubeconfigFile } = this.#access
    try {
      return await readTextFile(kubeconfigFile, MAX_KUBECONFIG_BYTES)
    } catch (cause) {
      const message = `reading the kubeconfig ${kubeconfigFile}: ${String(cause)}`
      throw new OverlayError('INVALID_CONFIG', message, { cause })
    }
  }

  async #connectorFor(text: string): Promise<Connector> {
    const { kubeconfigFile, apiUrl } = this.#access
    const { readKubeconfig } = await import('./kubeconfig.js')
    const read = readKubeconfig(text, this.#access)
    if (!('kubeconfig' in read)) return new TargetConnector(read, this.#showWait)
    const where = `the kubeconfig ${kubeconfigFile}`
    const { ClientNodeConnector } = await loadClientNode(
      `${where} has a provider, a password, impersonation or a proxy`,
    )
    return new ClientNodeConnector({ ...read, apiUrl, where }, this.#showWait)
  }
}
