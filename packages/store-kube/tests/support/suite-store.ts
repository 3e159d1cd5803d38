import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreUnderTest } from '@selvedge/conformance'
import type { KubeCluster } from '@selvedge/lab'
import { KubeSubnetManager, type KubeSubnetManagerOptions } from '@selvedge/store-kube'

/** A cluster's nodes as the store of one test. Each node that connects is created with PodCIDRs of its own. */
export class NodeStore implements StoreUnderTest {
  readonly #cluster: KubeCluster
  readonly #kubeconfig: string
  readonly #configFile: string
  readonly #created = new Map<number, Promise<unknown>>()

  static async open(cluster: KubeCluster, config: object | undefined): Promise<NodeStore> {
    const store = new NodeStore(cluster, await cluster.adminKubeconfig())
    if (config !== undefined) await store.setNetworkConfig(config)
    return store
  }

  constructor(cluster: KubeCluster, kubeconfig: string) {
    this.#cluster = cluster
    this.#kubeconfig = kubeconfig
    this.#configFile = join(cluster.folder, `net-conf-${randomUUID()}.json`)
  }

  async connect(node: number): Promise<KubeSubnetManager> {
    const made = this.#created.get(node) ?? this.#makeNode(`node-${node}`, podCidrsOf(node))
    this.#created.set(node, made)
    await made
    return this.manager(node)
  }

  manager(node: number, options: Partial<KubeSubnetManagerOptions> = {}): KubeSubnetManager {
    return new KubeSubnetManager({
      access: { kubeconfigFile: this.#kubeconfig },
      node: `node-${node}`,
      networkConfigFile: this.#configFile,
      // A test must see what another manager has just written.
      firstList: 'quorum',
      ...options,
    })
  }

  setNetworkConfig(config: object): Promise<void> {
    return writeFile(this.#configFile, JSON.stringify(config))
  }

  /** Creates a node that takes part in the network, with invalid annotations. */
  async putRecord(key: string, value: string): Promise<void> {
    const [, base, length] = /^([\d.]+)-(\d+)$/.exec(key) ?? []
    await this.#makeNode(`record-${randomUUID()}`, base === undefined ? [] : [`${base}/${length}`], {
      'kube-subnet-manager': 'true',
      'backend-type': 'vxlan',
      'backend-data': value,
      'public-ip': '192.0.2.77',
    })
  }

  async interrupt(meanwhile: () => Promise<void>): Promise<void> {
    await this.#cluster.stopApiServer()
    await meanwhile()
    await this.#cluster.startApiServer()
  }

  async remove(): Promise<void> {
    await this.#cluster.removeNodes()
  }

  #makeNode(
    name: string,
    podCidrs: readonly string[],
    annotations: Record<string, string> = {},
  ): Promise<unknown> {
    const prefixed = Object.entries(annotations).map(([key, value]) => [
      `flannel.alpha.coreos.com/${key}`,
      value,
    ])
    return this.#cluster.admin.post('/api/v1/nodes', {
      metadata: { name, annotations: Object.fromEntries(prefixed) },
      spec: podCidrs.length === 0 ? {} : { podCIDR: podCidrs[0], podCIDRs: podCidrs },
    })
  }
}

/** PodCIDRs of both families inside the suite's networks. Node 1 has 10.99.10.0/24 and fd99:0:0:10::/64. */
const podCidrsOf = (node: number): readonly string[] => [
  `10.99.${9 + node}.0/24`,
  `fd99:0:0:${(15 + node).toString(16)}::/64`,
]
