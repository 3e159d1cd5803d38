import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { clientCertificate, KubeCluster, Lab, type LabOptions, type Pod, until } from '@selvedge/lab'
import { expect } from 'vitest'
import { filesOf, Selvedged, type SelvedgedOptions } from '../selvedged.js'
import { untilAllReach } from '../until-all-reach.js'
import { buildDeployment, type DaemonSet } from './deployment.js'

/** The switch of a lab, which all hosts reach; the control plane runs there. */
const SWITCH_ADDRESS = '192.168.77.254'

export const PREFIX = 'flannel.alpha.coreos.com'

export interface NodeObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

export interface KubeRigOptions extends LabOptions {
  /**
   * An address of the API server's that no host has on its own network: it is reached by way of the switch, each host's
   * gateway. Default: the switch's own address.
   */
  readonly apiAddress?: string
}

export interface PodOptions {
  /** Of the deployment. */
  readonly components?: readonly string[]
  /** The one that the image has. Default: `nft`. */
  readonly iptables?: keyof typeof IPTABLES
}

/** The programs of both variants, as Debian has them: each is called by many names. */
const IPTABLES = { nft: '/usr/sbin/xtables-nft-multi', legacy: '/usr/sbin/xtables-legacy-multi' } as const

/** A switch, and a Kubernetes API server on it. */
interface ControlPlane extends AsyncDisposable {
  readonly lab: Lab
  readonly cluster: KubeCluster
}

async function startControlPlane({ apiAddress, ...options }: KubeRigOptions): Promise<ControlPlane> {
  const lab = await Lab.create({ ...options, hosts: 0 })
  try {
    if (apiAddress !== undefined) await lab.switch.ip('address', 'add', apiAddress, 'dev', 'lo')
    const address = apiAddress ?? SWITCH_ADDRESS
    const cluster = await KubeCluster.start({ at: { namespace: lab.switch.namespace, address } })
    const dispose = async () => {
      await lab[Symbol.asyncDispose]()
      await cluster.stop()
    }
    return { lab, cluster, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await lab[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * One control plane for the tests of a file: it takes seconds to start. Each test has hosts, nodes and a network config of
 * its own. For tests that create nothing but nodes.
 */
export class SharedControlPlane implements AsyncDisposable {
  #plane: ControlPlane | undefined

  /** @param config of the network; dispose of the rig before the next one is made */
  async rig(config: object, hosts = 2): Promise<KubeRig> {
    this.#plane ??= await startControlPlane({})
    const { lab, cluster } = this.#plane
    const clear = async () => {
      await lab.removeHosts()
      if (!cluster.isRunning) await cluster.startApiServer()
      await cluster.kubectl('delete', 'nodes', '--all')
    }
    return KubeRig.on({ lab, cluster, [Symbol.asyncDispose]: clear }, config, hosts)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#plane?.[Symbol.asyncDispose]()
  }
}

/** Hosts on a switch, a Kubernetes API server that they all reach, and a node for each host. */
export class KubeRig implements AsyncDisposable {
  readonly lab: Lab
  readonly cluster: KubeCluster
  readonly #plane: ControlPlane
  readonly #kubeconfig: string
  readonly #configFile: string

  private constructor(plane: ControlPlane, kubeconfig: string, configFile: string) {
    this.lab = plane.lab
    this.cluster = plane.cluster
    this.#plane = plane
    this.#kubeconfig = kubeconfig
    this.#configFile = configFile
  }

  static async create(config: object, options: KubeRigOptions = {}): Promise<KubeRig> {
    return KubeRig.on(await startControlPlane(options), config, options.hosts)
  }

  /** On a control plane that has no hosts, which is disposed of with the rig. */
  static async on(plane: ControlPlane, config: object, hosts = 2): Promise<KubeRig> {
    try {
      await plane.lab.addHosts(hosts)
      const configFile = join(plane.cluster.folder, 'net-conf.json')
      await writeFile(configFile, JSON.stringify(config))
      return new KubeRig(plane, await plane.cluster.adminKubeconfig(), configFile)
    } catch (error) {
      await plane[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What names this store to an administrator's program. */
  get storeFlags(): readonly string[] {
    return this.storeFlagsFor(this.#kubeconfig)
  }

  /** The same, to whom a kubeconfig is for. */
  storeFlagsFor(kubeconfig: string): readonly string[] {
    return ['--kube-subnet-mgr', `--kubeconfig-file=${kubeconfig}`, `--net-config-path=${this.#configFile}`]
  }

  /** Registers the node of the `index`th host, as its kubelet does, with these PodCIDRs or with none yet. */
  register(
    index: number,
    podCidrs: readonly string[],
    annotations: Record<string, string> = {},
  ): Promise<void> {
    return this.registerNode(this.lab.host(index).name, podCidrs, annotations)
  }

  /** Registers a node, of a host or of none. */
  registerNode(
    name: string,
    podCidrs: readonly string[],
    annotations: Record<string, string> = {},
  ): Promise<void> {
    const [podCIDR] = podCidrs
    const prefixed = Object.entries(annotations).map(([key, value]) => [`${PREFIX}/${key}`, value])
    return this.create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, annotations: Object.fromEntries(prefixed) },
      spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: podCidrs },
    })
  }

  async create(object: object): Promise<void> {
    const file = join(this.cluster.folder, 'to-create.json')
    await writeFile(file, JSON.stringify(object))
    await this.cluster.kubectl('create', '--filename', file)
  }

  /** A kubeconfig for a user who may do what a role allows, once one is bound to the name. */
  async kubeconfigFor(user: string): Promise<string> {
    const { folder, authority } = this.cluster
    const { certFile, keyFile } = await clientCertificate(folder, user, 'none', authority)
    return this.cluster.kubeconfig(user, { 'client-certificate': certFile, 'client-key': keyFile })
  }

  /** Writes what a ConfigMap would fill. */
  setNetworkConfig(text: string): Promise<void> {
    return writeFile(this.#configFile, text)
  }

  /**
   * Starts the agent of the `index`th host as the deployment runs it: in its pod, by its service account, with its
   * capabilities alone. Of its file system, it may write to the volumes alone.
   */
  async startAsPod(
    index: number,
    { components = [], iptables = 'nft' }: PodOptions = {},
  ): Promise<Selvedged> {
    const { cluster, lab } = this
    const host = lab.host(index)
    const manifest = join(cluster.folder, 'deployment.yml')
    await writeFile(manifest, await buildDeployment(cluster.folder, 'base', components))
    await cluster.kubectl('apply', '--filename', manifest)
    const { data } = await this.#inDeployment<{ data: Record<string, string> }>('configmap/kube-flannel-cfg')
    await this.setNetworkConfig(data['net-conf.json'] ?? '')
    const { containers, volumes } = (await this.#inDeployment<DaemonSet>('daemonset/kube-flannel-ds')).spec
      .template.spec
    const [container] = containers
    if (container === undefined) throw new Error('the deployment has no container')
    const { args = [], securityContext, volumeMounts } = container
    const { privileged, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = securityContext
    expect([privileged, allowPrivilegeEscalation, readOnlyRootFilesystem]).toEqual([false, false, true])
    expect(capabilities.drop).toEqual(['ALL'])
    const rights = (capabilities.add ?? []).map((right) => `+${right.toLowerCase()}`)

    const { subnetFile, leaseCache } = filesOf(lab, host)
    // The test looks for them there; the agent has them where the volumes are mounted.
    const known: Readonly<Record<string, string>> = {
      '/run/flannel': dirname(subnetFile),
      '/var/lib/selvedge': dirname(leaseCache),
    }
    const nodeFiles = join(lab.directory, host.name, 'volumes')
    const hostPaths = volumeMounts.flatMap(({ name, mountPath }) => {
      const hostPath = volumes.find((volume) => volume.name === name)?.hostPath
      if (hostPath === undefined) return []
      const { path, type } = hostPath
      const place = known[path] ?? join(nodeFiles, path)
      const isFile = type === 'FileOrCreate' || type === 'CharDevice'
      return isFile ? bindFile(place, mountPath) : bindMount(place, mountPath)
    })
    const { hostname, port } = new URL(cluster.url)
    return Selvedged.start(lab, host, 'http://192.0.2.1:2379', {
      args: [
        ...args,
        `--net-config-path=${this.#configFile}`,
        '--subnet-file=/run/flannel/subnet.env',
        '--lease-cache=/var/lib/selvedge/leases',
        '--control-socket=/run/selvedge/control.sock',
        '--iptables-forward-rules=true',
      ],
      variables: {
        NODE_NAME: host.name,
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
      },
      // In a mount namespace of its own, as a container that is not privileged.
      before: [
        ...['/run', '/var/lib'].map((path) => `mount -t tmpfs none ${path}`),
        `mount --bind ${IPTABLES[iptables]} ${IPTABLES.nft}`,
        // The node's devices, which a container has none of but those that are mounted.
        ...bindMount('/dev/net', join(nodeFiles, 'dev/net')),
        'mount -t tmpfs none /dev/net',
        ...hostPaths,
        ...bindMount(await this.#serviceAccount(), '/run/secrets/kubernetes.io/serviceaccount'),
        ...bindMount('/proc/sys', '/proc/sys'),
        ...['/run', '/var/lib'].map((path) => `mount -o remount,ro ${path}`),
        ...['/proc/sys', '/'].map((path) => `mount -o remount,bind,ro ${path}`),
      ].join('\n'),
      wrapper: ['setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=-all,${rights.join(',')}`],
    })
  }

  async #inDeployment<T>(object: string): Promise<T> {
    return JSON.parse(await this.cluster.kubectl('--namespace=kube-flannel', 'get', object, '--output=json'))
  }

  /** The folder that a pod of the deployment has its token in. */
  async #serviceAccount(): Promise<string> {
    const { folder, authority } = this.cluster
    const made = join(folder, 'serviceaccount')
    await mkdir(made, { recursive: true })
    await copyFile(authority.certFile, join(made, 'ca.crt'))
    const request = join(folder, 'token-request.json')
    await writeFile(
      request,
      JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }),
    )
    const path = '/api/v1/namespaces/kube-flannel/serviceaccounts/flannel/token'
    const { status } = JSON.parse(await this.cluster.kubectl('create', '--raw', path, '--filename', request))
    await writeFile(join(made, 'token'), status.token)
    return made
  }

  /** Those that name the store. */
  get flags(): readonly string[] {
    return [
      '--kube-subnet-mgr',
      `--kubeconfig-file=${this.#kubeconfig}`,
      `--net-config-path=${this.#configFile}`,
    ]
  }

  /** Starts the agent of the `index`th host. */
  start(index: number, { args = [], variables = {}, ...options }: SelvedgedOptions = {}): Selvedged {
    const host = this.lab.host(index)
    return Selvedged.start(this.lab, host, 'http://192.0.2.1:2379', {
      ...options,
      args: [...this.flags, ...args],
      variables: { NODE_NAME: host.name, ...variables },
    })
  }

  /** All hosts register and join; each has a pod. */
  async joinAll(
    podCidrs: (index: number) => readonly string[],
    options: SelvedgedOptions = {},
  ): Promise<{ agents: Selvedged[]; pods: Pod[] }> {
    const agents: Selvedged[] = []
    for (const index of this.lab.hosts.keys()) {
      await this.register(index, podCidrs(index))
      agents.push(this.start(index, options))
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
  published(
    index: number,
    what: string,
    expected: (value: string | undefined) => boolean,
    prefix = `${PREFIX}/`,
  ): Promise<string> {
    return until(`the annotation ${what}`, async () => {
      const value = (await this.node(index)).metadata.annotations?.[`${prefix}${what}`]
      return expected(value) ? (value ?? '') : undefined
    })
  }

  async annotate(index: number, annotation: string, prefix = `${PREFIX}/`): Promise<void> {
    const { name } = this.lab.host(index)
    await this.cluster.kubectl('annotate', '--overwrite', 'node', name, `${prefix}${annotation}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#plane[Symbol.asyncDispose]()
  }
}

/** Shell commands that put one folder at the place of another; both are made if there are none. */
function bindMount(from: string, to: string): readonly string[] {
  return [`mkdir -p '${from}' '${to}'`, `mount --bind '${from}' '${to}'`]
}

/** The same of files. */
function bindFile(from: string, to: string): readonly string[] {
  return [
    `mkdir -p '${dirname(from)}' '${dirname(to)}'`,
    `touch '${from}' '${to}'`,
    `mount --bind '${from}' '${to}'`,
  ]
}
