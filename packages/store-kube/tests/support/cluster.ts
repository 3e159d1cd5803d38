import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findKubernetes } from '../../../../scripts/kube-apiserver.mjs'
import { AdminApi } from './api.js'
import { certificateAuthority, clientCertificate, type KeyPair, serverCertificate } from './certificates.js'
import { Daemon, freePort } from './daemon.js'

const run = promisify(execFile)

export interface ClusterOptions {
  /** Also runs kube-controller-manager, which hands out PodCIDRs of this network; else nodes bring their own. */
  readonly podCidrs?: string
  /** kube-apiserver and etcd at a lower priority than the program that is measured. */
  readonly args?: readonly string[]
}

const ADMIN_TOKEN = 'admin-token-of-the-tests'

/**
 * A real control plane on loopback: etcd, kube-apiserver and, where asked for, kube-controller-manager. Everything it
 * writes is in one folder, which `stop` removes.
 */
export class KubeCluster {
  readonly folder: string
  readonly url: string
  /** The certificate authority of the API server, and of its clients. */
  readonly authority: KeyPair
  readonly admin: AdminApi
  /** Holds the token of a user who may do anything. */
  readonly tokenFile: string
  readonly #etcdUrl: string
  readonly #apiserverArgs: readonly string[]
  readonly #programs: { apiserver: string; controllerManager: string; kubectl: string }
  readonly #etcd: Daemon
  #apiserver: Daemon | undefined
  #controllerManager: Daemon | undefined

  static async start(options: ClusterOptions = {}): Promise<KubeCluster> {
    const programs = findKubernetes()
    if (programs === undefined) throw new Error('no kube-apiserver: npm run test:kube builds it')
    const folder = await mkdtemp(join(tmpdir(), 'slv-kube-'))
    const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()]
    const etcdUrl = `http://127.0.0.1:${etcdPort}`
    const peerUrl = `http://127.0.0.1:${peerPort}`
    const etcd = new Daemon('etcd', [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      '--quota-backend-bytes=4294967296',
      '--logger=zap',
      '--log-level=error',
    ])
    const authority = await certificateAuthority(folder, 'kubernetes')
    const serving = await serverCertificate(folder, 'kube-apiserver', authority)
    const serviceAccounts = await clientCertificate(folder, 'service-accounts', 'none', authority)
    const usersFile = join(folder, 'users.csv')
    await writeFile(join(folder, 'token'), ADMIN_TOKEN)
    await writeFile(usersFile, `${ADMIN_TOKEN},admin,admin,system:masters\n`)
    const cluster = new KubeCluster(
      folder,
      `https://127.0.0.1:${apiPort}`,
      authority,
      etcdUrl,
      etcd,
      programs,
      [
        `--etcd-servers=${etcdUrl}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        `--secure-port=${apiPort}`,
        `--cert-dir=${folder}`,
        `--tls-cert-file=${serving.certFile}`,
        `--tls-private-key-file=${serving.keyFile}`,
        `--client-ca-file=${authority.certFile}`,
        `--token-auth-file=${usersFile}`,
        '--authorization-mode=RBAC',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${serviceAccounts.certFile}`,
        `--service-account-signing-key-file=${serviceAccounts.keyFile}`,
        '--service-cluster-ip-range=10.255.0.0/24',
        '--feature-gates=IPv6DualStack=true',
        '--allow-privileged=true',
        ...(options.args ?? []),
      ],
    )
    try {
      await cluster.startApiServer()
      if (options.podCidrs !== undefined)
        await cluster.#startControllerManager(options.podCidrs, serviceAccounts)
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  private constructor(
    folder: string,
    url: string,
    authority: KeyPair,
    etcdUrl: string,
    etcd: Daemon,
    programs: { apiserver: string; controllerManager: string; kubectl: string },
    apiserverArgs: readonly string[],
  ) {
    this.folder = folder
    this.url = url
    this.tokenFile = join(folder, 'token')
    this.authority = authority
    this.admin = new AdminApi(url, authority.certFile, ADMIN_TOKEN)
    this.#etcdUrl = etcdUrl
    this.#etcd = etcd
    this.#programs = programs
    this.#apiserverArgs = apiserverArgs
  }

  async startApiServer(): Promise<void> {
    const daemon = new Daemon(this.#programs.apiserver, this.#apiserverArgs, 'kube-apiserver')
    this.#apiserver = daemon
    await daemon.untilReady(async () => (await this.admin.send('GET', '/readyz')).status === 200)
  }

  async stopApiServer(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#apiserver?.stop(signal)
  }

  /** SIGSTOP and SIGCONT: the kernel still answers for the API server, the API server does not. */
  signalApiServer(signal: NodeJS.Signals): void {
    this.#apiserver?.signal(signal)
  }

  /** Compacts etcd at its current revision: no watch can begin before it any more. */
  async compact(): Promise<void> {
    const etcdctl = (...args: string[]) =>
      run('etcdctl', [`--endpoints=${this.#etcdUrl}`, ...args], { env: { ...process.env, ETCDCTL_API: '3' } })
    const { stdout } = await etcdctl('endpoint', 'status', '--write-out=json')
    const revision = Number(/"revision":(\d+)/.exec(stdout)?.[1])
    await etcdctl('compact', '--physical', String(revision))
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const kubeconfig = await this.adminKubeconfig()
    const { stdout } = await run(this.#programs.kubectl, [`--kubeconfig=${kubeconfig}`, ...args])
    return stdout
  }

  adminKubeconfig(): Promise<string> {
    return this.kubeconfig('admin', { token: ADMIN_TOKEN })
  }

  /** Writes a kubeconfig for a user with these credentials, as a kubeconfig spells them. */
  async kubeconfig(name: string, user: object, cluster: object = {}): Promise<string> {
    const file = join(this.folder, `${name}.kubeconfig`)
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'tests',
          cluster: { server: this.url, 'certificate-authority': this.authority.certFile, ...cluster },
        },
      ],
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
    await this.#etcd.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #startControllerManager(podCidrs: string, serviceAccounts: KeyPair): Promise<void> {
    const kubeconfig = await this.adminKubeconfig()
    const port = await freePort()
    this.#controllerManager = new Daemon(
      this.#programs.controllerManager,
      [
        `--kubeconfig=${kubeconfig}`,
        '--controllers=nodeipam,daemonset,serviceaccount,serviceaccount-token',
        '--allocate-node-cidrs',
        `--cluster-cidr=${podCidrs}`,
        '--leader-elect=false',
        '--bind-address=127.0.0.1',
        `--secure-port=${port}`,
        '--port=0',
        `--cert-dir=${this.folder}`,
        '--use-service-account-credentials=false',
        `--service-account-private-key-file=${serviceAccounts.keyFile}`,
      ],
      'kube-controller-manager',
    )
  }
}
