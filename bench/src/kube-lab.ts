import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Host, KubeCluster, Lab } from '@selvedge/lab'
import { Agent } from './agent.js'
import { NETWORK } from './peers.js'

const CLIENT = fileURLToPath(new URL('kube-client.js', import.meta.url))

/** The address of the lab's switch, and of the API server on it. */
const ADDRESS = '192.168.77.254'

/** Where a pod finds the credentials of its service account. */
const SERVICE_ACCOUNT = '/run/secrets/kubernetes.io/serviceaccount'

/** A host on a switch, and a Kubernetes control plane on the switch with the host's node and so many others. */
export class KubeLab implements AsyncDisposable {
  readonly host: Host
  /** The size of one node as the API server returns it, in bytes of JSON. */
  readonly nodeSize: number
  readonly #lab: Lab
  readonly #cluster: KubeCluster
  readonly #kubeconfig: string

  private constructor(lab: Lab, cluster: KubeCluster, kubeconfig: string, nodeSize: number) {
    this.host = lab.host(0)
    this.nodeSize = nodeSize
    this.#lab = lab
    this.#cluster = cluster
    this.#kubeconfig = kubeconfig
  }

  static async create(peers: number, signal: AbortSignal): Promise<KubeLab> {
    const lab = await Lab.create({ hosts: 1, signal })
    let cluster: KubeCluster | undefined
    try {
      cluster = await KubeCluster.start({ at: { namespace: lab.switch.namespace, address: ADDRESS } })
      const config = JSON.stringify({ Network: NETWORK, Backend: { Type: 'vxlan' } })
      await writeFile(configFile(lab), config)
      const nodeSize = await runClient(lab, cluster, 'load', String(peers))
      await runClient(lab, cluster, 'register', lab.host(0).name)
      return new KubeLab(lab, cluster, await cluster.adminKubeconfig(), Number(nodeSize))
    } catch (error) {
      await cluster?.stop()
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** An agent that finds the API server and its service account as in a pod. */
  startPod(): Agent {
    const { hostname, port } = new URL(this.#cluster.url)
    const { authority, tokenFile } = this.#cluster
    return Agent.start(this.host, this.directory, {
      flags: this.#flags,
      variables: {
        NODE_NAME: this.host.name,
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
      },
      before:
        `mount -t tmpfs none /run; mkdir -p ${SERVICE_ACCOUNT}; ` +
        `cp ${authority.certFile} ${SERVICE_ACCOUNT}/ca.crt; cp ${tokenFile} ${SERVICE_ACCOUNT}/token`,
    })
  }

  /** An agent that finds the API server by a kubeconfig with a token. */
  startWithKubeconfig(): Agent {
    return Agent.start(this.host, this.directory, {
      flags: [...this.#flags, `-kubeconfig-file=${this.#kubeconfig}`],
      variables: { NODE_NAME: this.host.name },
    })
  }

  get directory(): string {
    return this.#lab.directory
  }

  /** Registers the host's node again, without what a stopped agent has written to it. */
  async forgetAgent(): Promise<void> {
    await runClient(this.#lab, this.#cluster, 'register', this.host.name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.stop()
    await this.#lab[Symbol.asyncDispose]()
  }

  get #flags(): readonly string[] {
    return ['-kube-subnet-mgr', '-iface=eth0', `-net-config-path=${configFile(this.#lab)}`]
  }
}

const configFile = (lab: Lab): string => `${lab.directory}/net-conf.json`

/** Runs `kube-client.ts`, and returns what it prints. */
function runClient(lab: Lab, cluster: KubeCluster, ...command: readonly string[]): Promise<string> {
  const args = [CLIENT, cluster.url, cluster.authority.certFile, cluster.tokenFile, ...command]
  return lab.switch.exec(process.execPath, args, { timeoutMs: 600_000 })
}
