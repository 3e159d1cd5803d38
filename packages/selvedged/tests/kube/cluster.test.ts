import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PingStream, until } from '@selvedge/lab'
import { afterAll, expect, test } from 'vitest'
import { vxlanConfig } from '../rig.js'
import { MANIFEST } from './deployment.js'
import { KubeRig, PREFIX, SharedControlPlane } from './kube-rig.js'

const shared = new SharedControlPlane()
afterAll(() => shared[Symbol.asyncDispose]())

const ERROR = 50

test('the flags: a node that is named by its pod, another server than the kubeconfig’s, a prefix, no condition', async () => {
  await using rig = await KubeRig.create(vxlanConfig, { hosts: 1 })
  const { cluster } = rig
  await rig.register(0, ['10.244.1.0/24'])
  await cluster.kubectl('apply', '--filename', MANIFEST)
  await rig.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'agent', namespace: 'kube-flannel' },
    spec: {
      nodeName: 'h1',
      serviceAccountName: 'flannel',
      automountServiceAccountToken: false,
      containers: [{ name: 'agent', image: 'none' }],
    },
  })
  const elsewhere = join(cluster.folder, 'elsewhere.kubeconfig')
  const text = await readFile(await cluster.adminKubeconfig(), 'utf8')
  await writeFile(elsewhere, text.replace(cluster.url, 'https://192.0.2.1:6443'))
  const agent = rig.start(0, {
    args: [
      `--kubeconfig-file=${elsewhere}`,
      `--kube-api-url=${cluster.url}`,
      '--kube-annotation-prefix=example.com/blue',
      '--set-node-network-unavailable=false',
    ],
    variables: { NODE_NAME: '', POD_NAME: 'agent', POD_NAMESPACE: 'kube-flannel' },
  })
  await agent.inSync()
  await rig.published(0, 'kube-subnet-manager', (value) => value === 'true', 'example.com/blue-')
  // What comes to the API server after this has come after a condition that was set once it was in sync.
  await rig.annotate(0, 'public-ip=192.0.2.9', 'example.com/blue-')
  await rig.published(0, 'public-ip', (value) => value === '192.168.77.1', 'example.com/blue-')
  const { metadata, status } = await rig.node(0)
  expect(Object.keys(metadata.annotations ?? {}).filter((name) => name.startsWith(PREFIX))).toEqual([])
  expect(status.conditions ?? []).toEqual([])
})

test('a network config that is missing, then half written, then complete: each is reported with its file', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  const file = join(rig.cluster.folder, 'net-conf.json')
  await rm(file)
  await rig.register(0, ['10.244.1.0/24'])
  const agent = rig.start(0)
  expect((await agent.logged(/^waiting for the network config/)).msg).toContain(file)
  await rig.setNetworkConfig('{"Network": "10.24')
  expect((await agent.logged(/net-conf\.json: /)).code).toBe('INVALID_CONFIG')
  await rig.setNetworkConfig(JSON.stringify(vxlanConfig))
  await agent.inSync()
})

test('nodes of another backend, of none, without annotations, with the PodCIDR of another, and that make no sense are no peers, and harm none', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  const vxlan = (publicIp: string, mac: string) => ({
    'kube-subnet-manager': 'true',
    'backend-type': 'vxlan',
    'backend-data': JSON.stringify({ VNI: 1, VtepMAC: mac }),
    'public-ip': publicIp,
  })
  await rig.register(0, ['10.244.1.0/24'])
  await rig.registerNode('bare', ['10.244.2.0/24'])
  await rig.registerNode('other', ['10.244.3.0/24'], {
    ...vxlan('192.168.77.3', '02:00:00:00:00:03'),
    'backend-type': 'wireguard',
  })
  await rig.registerNode('left', ['10.244.4.0/24'], {
    ...vxlan('192.168.77.4', '02:00:00:00:00:04'),
    'kube-subnet-manager': 'false',
  })
  await rig.registerNode('peer', ['10.244.5.0/24'], vxlan('192.168.77.5', '02:00:00:00:00:05'))
  // All agents of the cluster would fail to start if they took it for a fault of the API server's.
  await rig.registerNode('twin', ['10.244.5.0/24'], vxlan('192.168.77.8', '02:00:00:00:00:08'))
  const agent = rig.start(0)
  await agent.inSync()
  const routes = () => agent.host.ip('route', 'show', 'dev', 'flannel.1')
  const peers = async () => [...(await routes()).matchAll(/^10\.244\.(\d+)\.0\/24/gm)].map(([, n]) => n)
  await until('the peer', async () => ((await peers()).length > 0 ? true : undefined))
  expect(await peers()).toEqual(['5'])
  expect(agent.logs.filter(({ level }) => level >= ERROR)).toMatchObject([
    {
      code: 'LEASE_CONFLICT',
      msg: expect.stringMatching(/^node (peer|twin): its PodCIDR 10\.244\.5\.0-24 is also/),
    },
    {
      code: 'INVALID_LEASE',
      msg: expect.stringMatching(
        /^the lease of 10\.244\.3\.0\/24 .*its backend is "wireguard", and this node's is "vxlan"/,
      ),
    },
  ])
  await rig.registerNode('nonsense', ['10.244.6.0/24'], { ...vxlan('nowhere', '') })
  await rig.registerNode('late', ['10.244.7.0/24'], vxlan('192.168.77.7', '02:00:00:00:00:07'))
  await until('the later peer', async () => ((await peers()).includes('7') ? true : undefined))
  expect(await peers()).toEqual(['5', '7'])
  expect(await agent.logged(/^node nonsense: .*public-ip is 'nowhere'/)).toMatchObject({
    code: 'INVALID_LEASE',
  })
})

test('rights that are revoked: reported, traffic never stops, and it goes on once they are granted again', async () => {
  await using rig = await KubeRig.create(vxlanConfig)
  const kubectl = (...args: string[]) => rig.cluster.kubectl(...args)
  await kubectl('apply', '--filename', MANIFEST)
  const grant = () =>
    kubectl('create', 'clusterrolebinding', 'agent', '--clusterrole=flannel', '--user=agent')
  await grant()
  const kubeconfig = await rig.kubeconfigFor('agent')
  const options = {
    args: [`--kubeconfig-file=${kubeconfig}`, '--healthz-port=10256', '--healthz-ip=127.0.0.1'],
  }
  const { agents, pods } = await rig.joinAll((index) => [`10.244.${index + 1}.0/24`], options)
  const [from, to] = pods
  if (from === undefined || to === undefined) throw new Error()
  const stream = await PingStream.start(from, to.addresses[0] ?? '')
  await kubectl('delete', 'clusterrolebinding', 'agent')
  await agents[1]?.stop()
  const again = rig.start(1, options)
  const denied = await again.logged(/403 Forbidden.*User "agent" cannot get resource "nodes"/)
  expect(denied).toMatchObject({ code: 'ACCESS_DENIED' })
  expect(await again.get(10256, '/readyz')).toMatch(/^503 .*403 Forbidden/)
  await grant()
  expect(await again.ready()).toMatchObject({ subnet: '10.244.2.0/24' })
  await again.inSync()
  expect(await stream.stop()).toMatchObject({ lost: 0 })
})
