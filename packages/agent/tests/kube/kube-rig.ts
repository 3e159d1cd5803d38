import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Lab, type LabOptions, type Pod, until } from '@selvedge/lab'
import { KubeCluster } from '../../../store-kube/tests/support/cluster.js'
import { Selvedged, type SelvedgedOptions } from '../selvedged.js'
import { untilAllReach } from '../until-all-reach.js'

/** The switch of a lab, which all hosts reach; the control plane runs there. */
const SWITCH_ADDRESS = '192.168.77.254'

export const PREFIX = 'flannel.alpha.coreos.com'

export interface NodeObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

/** Hosts on a switch, a Kubernetes API server that they all reach, and a node for each host. */
export class KubeRig implements AsyncDisposable {
  readonly lab: Lab
  readonly cluster: KubeCluster
  readonly #kubeconfig: string
  readonly #configFile: string

  private constructor(lab: Lab, cluster: KubeCluster, kubeconfig: string, configFile: string) {
    this.lab = lab
    this.cluster = cluster
    this.#kubeconfig = kubeconfig
    this.#configFile = configFile
  }

  static async create(config: object, options: LabOptions = {}): Promise<KubeRig> {
    const lab = await Lab.create({ hosts: 2, ...options })
    let cluster: KubeCluster | undefined
    try {
      cluster = await KubeCluster.start({ at: { namespace: lab.switch.namespace, address: SWITCH_ADDRESS } })
      const configFile = join(cluster.folder, 'net-conf.json')
      await writeFile(configFile, JSON.stringify(config))
      return new KubeRig(lab, cluster, await cluster.adminKubeconfig(), configFile)
    } catch (error) {
      await cluster?.stop()
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Registers the node of the `index`th host, as its kubelet does, with these PodCIDRs or with none yet. */
  async register(
    index: number,
    podCidrs: readonly string[],
    annotations: Record<string, string> = {},
  ): Promise<void> {
    const [podCIDR] = podCidrs
    const prefixed = Object.entries(annotations).map(([name, value]) => [`${PREFIX}/${name}`, value])
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: this.lab.host(index).name, annotations: Object.fromEntries(prefixed) },
      spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: podCidrs },
    }
    const file = join(this.cluster.folder, `node-${index}.json`)
    await writeFile(file, JSON.stringify(node))
    await this.cluster.kubectl('create', '--filename', file)
  }

  /** Writes what a ConfigMap would fill. */
  setNetworkConfig(text: string): Promise<void> {
    return writeFile(this.#configFile, text)
  }

  /** Starts the agent of the `index`th host as the manifest runs it: in its pod, by its service account. */
  async startAsPod(index: number, manifest: string): Promise<Selvedged> {
    const { cluster, lab } = this
    await cluster.kubectl('apply', '--filename', manifest)
    const inNamespace = (...args: string[]) => cluster.kubectl('--namespace=kube-flannel', ...args)
    const { data } = JSON.parse(await inNamespace('get', 'configmap', 'kube-flannel-cfg', '--output=json'))
    await this.setNetworkConfig(data['net-conf.json'])
    const { spec } = JSON.parse(await inNamespace('get', 'daemonset', 'kube-flannel-ds', '--output=json'))
    const [{ args }] = spec.template.spec.containers

    const folder = join(cluster.folder, 'serviceaccount')
    await mkdir(folder)
    await copyFile(cluster.authority.certFile, join(folder, 'ca.crt'))
    const request = join(cluster.folder, 'token-request.json')
    await writeFile(
      request,
      JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }),
    )
    const path = '/api/v1/namespaces/kube-flannel/serviceaccounts/flannel/token'
    const { status } = JSON.parse(await cluster.kubectl('create', '--raw', path, '--filename', request))
    await writeFile(join(folder, 'token'), status.token)

    const { hostname, port } = new URL(cluster.url)
    const mounted = '/run/secrets/kubernetes.io/serviceaccount'
    return Selvedged.start(lab, lab.host(index), 'http://192.0.2.1:2379', {
      args: [...args, `--net-config-path=${this.#configFile}`],
      variables: {
        NODE_NAME: lab.host(index).name,
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
      },
      // In a mount namespace of its own, as a pod has.
      before: `mount -t tmpfs none /run && mkdir -p ${mounted} && cp ${folder}/* ${mounted}`,
    })
  }

  /** Starts the agent of the `index`th host. */
  start(index: number, { args = [], variables = {}, ...options }: SelvedgedOptions = {}): Selvedged {
    const host = this.lab.host(index)
    return Selvedged.start(this.lab, host, 'http://192.0.2.1:2379', {
      ...options,
      args: [
        '--kube-subnet-mgr',
        `--kubeconfig-file=${this.#kubeconfig}`,
        `--net-config-path=${this.#configFile}`,
        ...args,
      ],
      variables: { NODE_NAME: host.name, ...variables },
    })
  }

  /** All hosts register and join; each has a pod. */
  async joinAll(
    podCidrs: (index: number) => readonly string[],
  ): Promise<{ agents: Selvedged[]; pods: Pod[] }> {
    const agents: Selvedged[] = []
    for (const index of this.lab.hosts.keys()) {
      await this.register(index, podCidrs(index))
      agents.push(this.start(index))
    }
    const pods = await Promise.all(agents.map((agent) => agent.addPod()))
    await Promise.all(agents.map((agent) => agent.inSync()))
    await untilAllReach([...pods, ...this.lab.hosts], pods)
    return { agents, pods }
  }

  async node(index: number): Promise<NodeObject> {
    return JSON.parse(await this.cluster.kubectl('get', 'node', this.lab.host(index).name, '--output=json'))
  }

  /** What the node of the `index`th host publishes, once that is as `expected` says. */
  published(index: number, what: string, expected: (value: string | undefined) => boolean): Promise<string> {
    return until(`the annotation ${what}`, async () => {
      const value = (await this.node(index)).metadata.annotations?.[`${PREFIX}/${what}`]
      return expected(value) ? (value ?? '') : undefined
    })
  }

  async annotate(index: number, annotation: string): Promise<void> {
    await this.cluster.kubectl(
      'annotate',
      '--overwrite',
      'node',
      this.lab.host(index).name,
      `${PREFIX}/${annotation}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]()
    await this.cluster.stop()
  }
}
