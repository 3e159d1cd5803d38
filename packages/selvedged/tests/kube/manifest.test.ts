import { parseNetworkConfig } from '@selvedge/core'
import { KubeCluster } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { configOf, daemonSet, MANIFEST, type PodSpec } from './deployment.js'

let cluster: KubeCluster

beforeAll(async () => {
  cluster = await KubeCluster.start({ podCidrs: '10.244.0.0/16' })
  await cluster.kubectl('apply', '--filename', MANIFEST)
})

afterAll(() => cluster.stop())

describe('the manifest', () => {
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

  test('runs the agent on each node, with the flags and the probes of flannel, whatever the node is tainted with', async () => {
    const spec = { podCIDR: '10.244.1.0/24', taints: ['NoSchedule', 'NoExecute'].map(taint) }
    const metadata = { name: 'worker-1', labels: { 'kubernetes.io/os': 'linux' } }
    await cluster.admin.post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata, spec })
    const pods = () =>
      cluster.admin.get<{ items: { spec: PodSpec }[] }>(
        '/api/v1/namespaces/kube-flannel/pods?labelSelector=app=flannel',
      )
    await expect.poll(async () => (await pods()).items.length, { timeout: 60_000 }).toBe(1)
    const [pod] = (await pods()).items
    const probe = (path: string) => ({ httpGet: { path, port: 'healthz' } })
    expect(pod?.spec).toMatchObject({
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      serviceAccountName: 'flannel',
      containers: [
        {
          name: 'kube-flannel',
          args: ['--ip-masq', '--kube-subnet-mgr', '--healthz-port=8081'],
          ports: [{ name: 'healthz', containerPort: 8081 }],
          livenessProbe: { ...probe('/healthz'), initialDelaySeconds: 10, periodSeconds: 30 },
          readinessProbe: { ...probe('/readyz'), initialDelaySeconds: 5, periodSeconds: 10 },
        },
      ],
    })
  })

  test('no container is privileged, may become so, or may write to its image; NET_ADMIN is the one capability', async () => {
    const { initContainers, containers } = (await daemonSet(cluster)).spec.template.spec
    const rights = [...initContainers, ...containers].map(({ name, securityContext }) => [
      name,
      securityContext,
    ])
    const none = {
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    }
    expect(rights).toEqual([
      ['install-cni-plugin', none],
      ['install-cni', none],
      ['kube-flannel', { ...none, capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } }],
    ])
  })

  test('installs the plugin before the config that makes a runtime call it, where it is mounted', async () => {
    const { initContainers, volumes } = (await daemonSet(cluster)).spec.template.spec
    expect(initContainers.map(({ name }) => name)).toEqual(['install-cni-plugin', 'install-cni'])
    for (const { args = [], volumeMounts } of initContainers) {
      const target = args.at(-1) ?? ''
      const mounted = volumeMounts.find(({ mountPath }) => `${target}/`.startsWith(`${mountPath}/`))
      const volume = volumes.find(({ name }) => name === mounted?.name)
      // The plugin names its files by their paths on the host.
      expect(volume?.hostPath?.path).toBe(mounted?.mountPath)
    }
  })

  test('holds a valid network config with the vxlan backend, and a CNI config', async () => {
    const data = await configOf(cluster)
    expect(parseNetworkConfig(data['net-conf.json'] ?? '')).toMatchObject({
      backend: { type: 'vxlan' },
      unknownKeys: [],
    })
    expect(JSON.parse(data['cni-conf.json'] ?? '')).toMatchObject({
      name: 'cbr0',
      plugins: [{ type: 'flannel' }, { type: 'portmap' }],
    })
  })
})

function taint(effect: string): object {
  return { key: 'example.org/anything', effect }
}
