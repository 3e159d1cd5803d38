import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { OverlayError } from '@selvedge/core'
import { podAccess } from './access.js'
import { loadClientNode } from './client-node.js'
import type { Connection, Connector, ShowWait } from './connector.js'
import { KubeconfigConnector } from './kubeconfig-connector.js'
import { TargetConnector, targetOf } from './target-connector.js'

/** Where a cluster is to be found, in the order in which kubectl looks. */
export type Discovered =
  | { readonly type: 'kubeconfig'; readonly file: string }
  /** Merged into one, which is left to client-node. */
  | { readonly type: 'several-kubeconfigs' }
  | { readonly type: 'pod'; readonly host: string; readonly port: string }

/** What of a process's surroundings discovery reads. */
export interface Surroundings {
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly exists: (path: string) => boolean
}

/** Throws an OverlayError `INVALID_CONFIG` if there is none. */
export function discover({ variables, home, exists }: Surroundings): Discovered {
  const named = (variables.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  const [first] = named
  if (named.length > 1) return { type: 'several-kubeconfigs' }
  if (first !== undefined) return { type: 'kubeconfig', file: first }
  const usual = join(home, '.kube/config')
  if (exists(usual)) return { type: 'kubeconfig', file: usual }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = variables
  const isPod = host !== undefined && port !== undefined
  const { tokenFile = '' } = isPod ? podAccess({ host, port }) : {}
  if (isPod && exists(tokenFile)) return { type: 'pod', host, port }
  throw new OverlayError(
    'INVALID_CONFIG',
    `no cluster is found by discovery: $KUBECONFIG names no file, there is no ${usual}, and no service account of a pod`,
  )
}

/** Connects to the cluster that kubectl would find. */
export class DiscoveryConnector implements Connector {
  readonly #showWait: ShowWait
  #connector: Promise<Connector> | undefined

  constructor(showWait: ShowWait) {
    this.#showWait = showWait
  }

  async connect(): Promise<Connection> {
    this.#connector ??= this.#find()
    try {
      return await (await this.#connector).connect()
    } catch (error) {
      // What is missing may be there later.
      await this.#connector?.catch(() => {
        this.#connector = undefined
      })
      throw error
    }
  }

  forget(): void {
    this.#withConnector((connector) => connector.forget())
  }

  close(): void {
    this.#withConnector((connector) => connector.close())
  }

  #withConnector(use: (connector: Connector) => void): void {
    // If there is none, connect has reported it.
    this.#connector?.then(use, () => {})
  }

  async #find(): Promise<Connector> {
    const found = discover({ variables: process.env, home: homedir(), exists: existsSync })
    switch (found.type) {
      case 'kubeconfig':
        return new KubeconfigConnector({ kubeconfigFile: found.file }, this.#showWait)
      case 'pod':
        return new TargetConnector(targetOf(podAccess(found)), this.#showWait)
      case 'several-kubeconfigs': {
        const { ClientNodeConnector } = await loadClientNode('$KUBECONFIG names several files')
        return new ClientNodeConnector(undefined, this.#showWait)
      }
    }
  }
}
