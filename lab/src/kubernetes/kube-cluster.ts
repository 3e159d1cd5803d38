import { execFile, execFileSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findKubernetes } from '../../../scripts/kube-apiserver.mjs'
import { freePort } from '../free-port.js'
import { labDirectory, nextLabName, sweep } from '../sweep.js'
import { AdminApi } from './admin-api.js'
import { certificateAuthority, clientCertificate, type KeyPair, serverCertificate } from './certificates.js'
import { Daemon } from './daemon.js'

const run = promisify(execFile)

/** What a control plane is to be. */
export interface ClusterOptions {
  /** Also runs kube-controller-manager, which hands out PodCIDRs of this network; else nodes bring their own. */
  readonly podCidrs?: string
  /** Where it runs, and at which address it is reached there. Default: here, on loopback. */
  readonly at?: { readonly namespace: string; readonly address: string }
}

interface ClusterParts {
  readonly folder: string
  readonly url: string
  readonly authority: KeyPair
  readonly programs: NonNullable<ReturnType<typeof findKubernetes>>
  readonly apiserverArgs: readonly string[]
  readonly startEtcd: () => Daemon
  readonly etcdUrl: string
  /** The prefix that runs a command in the cluster's namespace. */
  readonly inPlace: readonly string[]
}

const ADMIN_TOKEN = 'admin-token-of-the-tests'

/** What the tests use, and what the server itself needs. To describe all APIs in OpenAPI takes it seconds at each start. */
const API_VERSIONS = [
  'api/v1',
  'apps/v1',
  'rbac.authorization.k8s.io/v1',
  'authentication.k8s.io/v1',
  'authorization.k8s.io/v1',
  'scheduling.k8s.io/v1',
  'policy/v1beta1',
  'apiregistration.k8s.io/v1',
  'admissionregistration.k8s.io/v1',
  'apiextensions.k8s.io/v1',
  'node.k8s.io/v1',
  'storage.k8s.io/v1',
  'networking.k8s.io/v1',
  'certificates.k8s.io/v1',
]

/** What one node object, or all of 15,000, may come to. */
const ETCD_QUOTA = 4 * 1024 ** 3

/**
 * A real control plane: etcd, kube-apiserver and optionally kube-controller-manager. Everything it writes is in
 * one folder, which `stop` removes; of a killed process, the next lab or cluster does.
 */
export class KubeCluster {
  /** For requests from here: of no use to a cluster in another namespace. */
  readonly admin: AdminApi
  readonly #parts: ClusterParts
  #etcd: Daemon | undefined
  #apiserver: Daemon | undefined
  #controllerManager: Daemon | undefined
  #adminKubeconfig: Promise<string> | undefined

  static async start({ podCidrs, at }: ClusterOptions = {}): Promise<KubeCluster> {
    const programs = findKubernetes()
    if (programs === undefined) throw new Error('no kube-apiserver: npm run test:kube builds it')
    await sweep()
    const folder = labDirectory(nextLabName())
    // A process that had this process's id before may have left something of the same name.
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { mode: 0o700 })
    const address = at?.address ?? '127.0.0.1'
    const inPlace = at === undefined ? [] : ['ip', 'netns', 'exec', at.namespace]
    const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
    const etcdUrl = `http://127.0.0.1:${etcdPort}`

    const authority = await certificateAuthority(folder, 'kubernetes')
    const serving = await serverCertificate(folder, 'kube-apiserver', address, authority)
    const serviceAccounts = await clientCertificate(folder, 'service-accounts', 'none', authority)
    await writeFile(join(folder, 'token'), ADMIN_TOKEN)
    await writeFile(join(folder, 'users.csv'), `${ADMIN_TOKEN},admin,admin,system:masters\n`)
    const apiserverArgs = [
      `--etcd-servers=${etcdUrl}`,
      `--bind-address=${address}`,
      `--advertise-address=${address}`,
      `--secure-port=${port}`,
      `--cert-dir=${folder}`,
      `--tls-cert-file=${serving.certFile}`,
      `--tls-private-key-file=${serving.keyFile}`,
      `--client-ca-file=${authority.certFile}`,
      `--token-auth-file=${join(folder, 'users.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${serviceAccounts.certFile}`,
      `--service-account-signing-key-file=${serviceAccounts.keyFile}`,
      '--service-cluster-ip-range=10.255.0.0/24',
      '--feature-gates=IPv6DualStack=true,APIPriorityAndFairness=false',
      '--allow-privileged=true',
      `--runtime-config=api/all=false,${API_VERSIONS.map((version) => `${version}=true`).join(',')}`,
    ]
    const peerUrl = `http://127.0.0.1:${peerPort}`
    const url = `https://${address}:${port}`
    const cluster = new KubeCluster({
      folder,
      url,
      authority,
      programs,
      apiserverArgs,
      startEtcd: () => startEtcd(inPlace, folder, etcdUrl, peerUrl),
      etcdUrl,
      inPlace,
    })
    try {
      await cluster.#startEtcd()
      await cluster.startApiServer()
      if (podCidrs !== undefined) await cluster.#startControllerManager(podCidrs, serviceAccounts)
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  private constructor(parts: ClusterParts) {
    this.#parts = parts
    this.admin = new AdminApi(parts.url, parts.authority.certFile, ADMIN_TOKEN)
  }

  /** Its files, and those that tests add. */
  get folder(): string {
    return this.#parts.folder
  }

  get url(): string {
    return this.#parts.url
  }

  /** The certificate authority of the API server, and of its clients. */
  get authority(): KeyPair {
    return this.#parts.authority
  }

  /** Holds the token of a user who may do anything. */
  get tokenFile(): string {
    return join(this.folder, 'token')
  }

  async startApiServer(): Promise<void> {
    const { inPlace, programs, apiserverArgs } = this.#parts
    this.#apiserver = new Daemon([...inPlace, programs.apiserver, ...apiserverArgs])
    // Asking takes as long as the server does, of the same processors.
    await this.#apiserver.untilPrinted('Serving securely on')
    await this.#apiserver.untilReady(async () => (await this.kubectl('get', '--raw', '/readyz')) === 'ok')
  }

  async stopApiServer(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#apiserver?.stop(signal)
  }

  /** Ends the API server and etcd, and starts them without any data. */
  async wipe(): Promise<void> {
    await this.stopApiServer()
    await this.#etcd?.stop()
    await rm(etcdFolder(this.folder), { recursive: true })
    await this.#startEtcd()
    await this.startApiServer()
  }

  /** Whether the API server has been started and has not ended. */
  get isRunning(): boolean {
    return this.#apiserver?.running ?? false
  }

  /** SIGSTOP and SIGCONT: the kernel still answers for the API server, the API server does not. */
  signalApiServer(signal: NodeJS.Signals): void {
    this.#apiserver?.signal(signal)
  }

  /** Compacts etcd at its current revision: no watch can begin before it any more. */
  async compact(): Promise<void> {
    const status = await this.#etcdctl('endpoint', 'status', '--write-out=json')
    const revision = Number(/"revision":(\d+)/.exec(status)?.[1])
    await this.#etcdctl('compact', '--physical', String(revision))
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const kubeconfig = await this.adminKubeconfig()
    return this.#run(this.#parts.programs.kubectl, [`--kubeconfig=${kubeconfig}`, ...args])
  }

  /** Holds this process up until it is done: for what must happen between one line of code and the next. */
  kubectlSync(kubeconfig: string, ...args: readonly string[]): void {
    const [program = '', ...rest] = [...this.#parts.inPlace, this.#parts.programs.kubectl]
    execFileSync(program, [...rest, `--kubeconfig=${kubeconfig}`, ...args])
  }

  /** Written once: an agent under test may be reading it. */
  adminKubeconfig(): Promise<string> {
    this.#adminKubeconfig ??= this.kubeconfig('admin', { token: ADMIN_TOKEN })
    return this.#adminKubeconfig
  }

  /** Writes a kubeconfig for a user with these credentials, as a kubeconfig spells them. */
  async kubeconfig(name: string, user: object): Promise<string> {
    const file = join(this.folder, `${name}.kubeconfig`)
    const cluster = { server: this.url, 'certificate-authority': this.authority.certFile }
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'tests', cluster }],
      users: [{ name, user }],
      contexts: [{ name: 'tests', context: { cluster: 'tests', user: name } }],
      'current-context': 'tests',
    }
    await writeFile(file, JSON.stringify(config), { mode: 0o600 })
    return file
  }

  /** Removes every node there is. */
  async removeNodes(): Promise<void> {
    await this.admin.delete('/api/v1/nodes')
  }

  async stop(): Promise<void> {
    this.admin.close()
    await this.#controllerManager?.stop()
    await this.#apiserver?.stop()
    await this.#etcd?.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #startEtcd(): Promise<void> {
    this.#etcd = this.#parts.startEtcd()
    await this.#etcd.untilReady(() => this.#etcdAnswers())
  }

  async #startControllerManager(podCidrs: string, serviceAccounts: KeyPair): Promise<void> {
    const { inPlace, programs, folder } = this.#parts
    this.#controllerManager = new Daemon([
      ...inPlace,
      programs.controllerManager,
      `--kubeconfig=${await this.adminKubeconfig()}`,
      '--controllers=nodeipam,daemonset,serviceaccount,serviceaccount-token',
      '--allocate-node-cidrs',
      `--cluster-cidr=${podCidrs}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
      '--port=0',
      `--cert-dir=${folder}`,
      '--use-service-account-credentials=false',
      `--service-account-private-key-file=${serviceAccounts.keyFile}`,
    ])
  }

  async #etcdAnswers(): Promise<boolean> {
    await this.#etcdctl('endpoint', 'health')
    return true
  }

  #etcdctl(...args: readonly string[]): Promise<string> {
    return this.#run('env', ['ETCDCTL_API=3', 'etcdctl', `--endpoints=${this.#parts.etcdUrl}`, ...args])
  }

  async #run(command: string, args: readonly string[]): Promise<string> {
    const [program = '', ...rest] = [...this.#parts.inPlace, command, ...args]
    return (await run(program, rest)).stdout
  }
}

const etcdFolder = (folder: string): string => join(folder, 'etcd')

function startEtcd(inPlace: readonly string[], folder: string, url: string, peerUrl: string): Daemon {
  return new Daemon([
    ...inPlace,
    'etcd',
    `--data-dir=${etcdFolder(folder)}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    `--quota-backend-bytes=${ETCD_QUOTA}`,
    // Nothing in here outlives its process.
    '--unsafe-no-fsync',
    '--heartbeat-interval=50',
    '--election-timeout=250',
    '--logger=zap',
    '--log-level=error',
  ])
}
