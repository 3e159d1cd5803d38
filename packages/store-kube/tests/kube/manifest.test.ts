import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { KubeCluster } from '@selvedge/lab'
import { KubeSubnetManager } from '@selvedge/store-kube'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type FlannelVersion, flannelManifest } from '../support/flannel-manifest.js'
import { createNode } from '../support/nodes.js'

const run = promisify(execFile)

const MANIFEST = fileURLToPath(new URL('../../../../deploy/kube-flannel.yml', import.meta.url))
/** The same with the labels of flannel's releases. */
const RELEASE_MANIFEST = ['--kustomize', dirname(MANIFEST)] as const
const REPOSITORY_MANIFEST = ['--filename', MANIFEST] as const

interface Container {
  readonly name: string
  readonly command: readonly string[]
  readonly [field: string]: unknown
}

interface DaemonSet {
  readonly metadata: { readonly uid: string }
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly initContainers: readonly Container[]
        readonly containers: readonly Container[]
        readonly volumes: readonly { readonly name: string }[]
      }
    }
  }
}

let cluster: KubeCluster

beforeAll(async () => {
  cluster = await KubeCluster.start({ podCidrs: '10.244.0.0/16' })
})

afterAll(() => cluster.stop())

const daemonSet = () =>
  cluster.admin.get<DaemonSet>('/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds')

describe('the manifest', () => {
  beforeEach(() => cluster.kubectl('apply', ...REPOSITORY_MANIFEST))
  afterEach(() => cluster.removeNodes())

  test('grants its service account what it needs, and nothing more', async () => {
    const path = '/api/v1/namespaces/kube-flannel/serviceaccounts/flannel/token'
    const { status } = await cluster.admin.post<{ status: { token: string } }>(path, { spec: {} })
    const kubeconfig = await cluster.kubeconfig('nothing-more', { token: status.token })
    const allowed = await cluster.kubectl(
      `--kubeconfig=${kubeconfig}`,
      'auth',
      'can-i',
      '--list',
      '--no-headers',
    )
    const granted = allowed.split('\n').filter((line) => /^[a-z]/.test(line))
    expect(granted.map((line) => line.replaceAll(/\s+/g, ' ').trim()).sort()).toEqual([
      'nodes [] [] [get list watch]',
      'nodes/status [] [] [patch]',
      // For a flanneld that restarts during the rollout.
      'pods [] [] [get]',
      // Every user has these two.
      'selfsubjectaccessreviews.authorization.k8s.io [] [] [create]',
      'selfsubjectrulesreviews.authorization.k8s.io [] [] [create]',
    ])
  })

  test('runs selvedged on each node, with the flags, the probes and the capabilities of flannel', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
    await cluster.kubectl('label', 'node', 'worker-1', 'kubernetes.io/os=linux')
    const pods = () =>
      cluster.admin.get<{ items: { spec: Record<string, unknown> }[] }>(
        '/api/v1/namespaces/kube-flannel/pods?labelSelector=app=flannel',
      )
    await expect.poll(async () => (await pods()).items.length, { timeout: 60_000 }).toBe(1)
    const [pod] = (await pods()).items
    const probe = (path: string) => ({ httpGet: { path, port: 'healthz' } })
    expect(pod?.spec).toMatchObject({
      hostNetwork: true,
      serviceAccountName: 'flannel',
      containers: [
        {
          name: 'kube-flannel',
          command: ['selvedged'],
          args: ['--ip-masq', '--kube-subnet-mgr', '--healthz-port=8081'],
          ports: [{ name: 'healthz', containerPort: 8081 }],
          livenessProbe: { ...probe('/healthz'), initialDelaySeconds: 10, periodSeconds: 30 },
          readinessProbe: { ...probe('/readyz'), initialDelaySeconds: 5, periodSeconds: 10 },
          securityContext: { capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] } },
        },
      ],
    })
  })

  test('holds a valid network config with the vxlan backend', async () => {
    const { data } = await cluster.admin.get<{ data: Record<string, string> }>(
      '/api/v1/namespaces/kube-flannel/configmaps/kube-flannel-cfg',
    )
    await using manager = new KubeSubnetManager({
      access: { apiUrl: cluster.url },
      node: 'worker-1',
      networkConfig: data['net-conf.json'],
    })
    expect(await manager.getNetworkConfig()).toMatchObject({ backend: { type: 'vxlan' }, unknownKeys: [] })
    expect(JSON.parse(data['cni-conf.json'] ?? '')).toMatchObject({
      name: 'cbr0',
      plugins: [{ type: 'flannel' }, {}],
    })
  })

  test('installs the CNI config so that a reader finds it whole at any time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'selvedge-cni-'))
    try {
      const [source, target] = [join(folder, 'kube-flannel'), join(folder, 'net.d')]
      await Promise.all([mkdir(source), mkdir(target)])
      // Larger than what one write copies.
      const config = JSON.stringify({ name: 'cbr0', plugins: 'x'.repeat(2_000_000) })
      await writeFile(join(source, 'cni-conf.json'), config)
      const [{ command = [] } = {}] = (await daemonSet()).spec.template.spec.initContainers
      const [program = '', ...args] = command.map((part) =>
        part.replaceAll('/etc/kube-flannel/', `${source}/`).replaceAll('/etc/cni/net.d/', `${target}/`),
      )
      const file = join(target, '10-flannel.conflist')
      await run(program, args)
      const MIN_EACH = 30
      let [installs, reads] = [0, 0]
      const isEnough = (): boolean => installs >= MIN_EACH && reads >= MIN_EACH
      const installing = async (): Promise<void> => {
        for (; !isEnough(); installs += 1) await run(program, args)
      }
      const reading = async (): Promise<void> => {
        for (; !isEnough(); reads += 1) {
          if ((await readFile(file, 'utf8')) !== config) throw new Error('half a config')
        }
      }
      await Promise.all([installing(), reading()])
      expect(await readdir(target)).toEqual(['10-flannel.conflist'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe.each<[FlannelVersion, 'repository' | 'release', readonly string[]]>([
  ['v0.20.2', 'repository', REPOSITORY_MANIFEST],
  ['v0.20.2', 'release', REPOSITORY_MANIFEST],
  ['v0.28.9', 'repository', REPOSITORY_MANIFEST],
  ['v0.28.9', 'release', RELEASE_MANIFEST],
])('over the manifest of flannel %s from its %s', (version, source, ours) => {
  beforeEach(async () => {
    // Its selector is immutable.
    await cluster.kubectl(
      'delete',
      'daemonset',
      'kube-flannel-ds',
      '--namespace=kube-flannel',
      '--ignore-not-found',
    )
    const file = join(cluster.folder, 'flannel.json')
    const items = flannelManifest(version, source)
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  })

  const applyFlannel = () => cluster.kubectl('apply', '--filename', join(cluster.folder, 'flannel.json'))

  test('it is applied, and flannel’s over it, without a trace of the other', async () => {
    await applyFlannel()
    const flannel = await daemonSet()
    await cluster.kubectl('apply', ...ours)
    const replaced = await daemonSet()
    expect(replaced.metadata.uid).toBe(flannel.metadata.uid)
    const { initContainers, containers, volumes } = replaced.spec.template.spec
    expect(initContainers.map(({ name }) => name)).toEqual(['install-cni'])
    expect(initContainers[0]).not.toHaveProperty('args')
    expect(containers).toMatchObject([{ command: ['selvedged'], env: [{ name: 'NODE_NAME' }] }])
    expect(containers[0]?.resources).toEqual({ requests: { cpu: '100m', memory: '100Mi' } })
    expect(volumes.map(({ name }) => name)).toEqual(['run', 'leases', 'cni', 'xtables-lock', 'flannel-cfg'])
    await applyFlannel()
    expect((await daemonSet()).metadata.uid).toBe(flannel.metadata.uid)
    expect((await daemonSet()).spec.template).toEqual(flannel.spec.template)
  })
})
