/** `selvedge leases` and `selvedge config` on Kubernetes, where a lease is a Node and the config a file. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { onKubernetes, PlannedHost } from '../cli/planned-host.js'
import { selvedgeIn } from '../cli/selvedge.js'
import { vxlanConfig } from '../rig.js'
import { PREFIX, SharedControlPlane } from './kube-rig.js'

const shared = new SharedControlPlane()
afterAll(() => shared[Symbol.asyncDispose]())

const DATA = {
  'backend-type': 'vxlan',
  'backend-data': '{"VNI":1,"VtepMAC":"aa:00:00:00:00:01"}',
  'kube-subnet-manager': 'true',
}

test('leases of nodes are listed, shown and copied away; what belongs to Kubernetes is not written', async () => {
  await using rig = await shared.rig(vxlanConfig)
  const selvedge = selvedgeIn(rig.lab.switch, rig.flags)
  await rig.register(0, ['10.244.1.0/24'], { ...DATA, 'public-ip': '192.168.77.1' })
  await rig.register(1, ['10.244.2.0/24'])
  const [first, second] = rig.lab.hosts.map(({ name }) => name)

  // The second node has a PodCIDR, and no agent yet.
  const listed = JSON.parse((await selvedge('leases', 'list', '--json')).stdout)
  expect(listed).toMatchObject({ store: 'Kubernetes', count: 1, faults: [] })
  expect(listed.leases).toEqual([
    expect.objectContaining({ subnet: '10.244.1.0/24', publicIp: '192.168.77.1', reserved: false }),
  ])
  const page = await selvedge('leases', 'list')
  expect(page.stdout).toMatch(/^10\.244\.1\.0\/24 +192\.168\.77\.1 +vxlan +-$/m)
  expect((await selvedge('leases', 'show', '10.244.1.99')).stdout).toMatch(/^Ends +with its Node$/m)
  expect((await selvedge('leases', 'show', '10.244.9.99')).status).toBe(5)

  const file = join(rig.lab.directory, 'config.json')
  await writeFile(file, JSON.stringify({ ...vxlanConfig, Backend: { Type: 'vxlan', VNI: 9 } }))
  for (const [args, remedy] of [
    [['leases', 'release', '10.244.1.0/24', '--force'], 'delete the Node'],
    [['leases', 'reserve', '10.244.7.0/24', '--for', '192.0.2.7'], "set the Node's podCIDRs"],
    [['config', 'set', file], 'change the ConfigMap kube-flannel-cfg'],
  ] as const) {
    const refused = await selvedge(...args)
    expect(refused, args.join(' ')).toMatchObject({ status: 1, stdout: '' })
    expect(refused.stderr.replaceAll('\n  ', ' ')).toMatch(/on Kubernetes a lease is a Node/)
    expect(refused.stderr.replaceAll('\n  ', ' ')).toContain(remedy)
  }
  expect(JSON.parse((await selvedge('config', 'show')).stdout)).toEqual(vxlanConfig)
  const diff = await selvedge('config', 'diff', file)
  expect(diff.status).toBe(2)
  expect(diff.stdout).toMatch(/^\+ Backend\.VNI 9$/m)
  expect((await selvedge('config', 'check', file)).stdout).toMatch(/^valid; beside the leases in Kubernetes:/)

  const target = join(rig.lab.directory, 'away.mdb')
  const copied = await selvedge('leases', 'copy', '--to-local-store', target, '--json')
  expect(copied).toMatchObject({ status: 0, stderr: '' })
  expect(JSON.parse(copied.stdout)).toMatchObject({ copied: ['10.244.1.0-24'], reserved: [], present: [] })
  const local = selvedgeIn(rig.lab.switch, ['--local-store', target])
  expect(JSON.parse((await local('leases', 'list', '--json')).stdout).leases).toEqual([
    expect.objectContaining({ subnet: '10.244.1.0/24', publicIp: '192.168.77.1', backendType: 'vxlan' }),
  ])
  // Nothing of it was written to a Node.
  for (const name of [first, second]) {
    expect(
      await rig.cluster.kubectl(
        'get',
        'node',
        name ?? '',
        '--output=jsonpath={.metadata.managedFields[*].manager}',
      ),
    ).not.toMatch(/node|selvedge/)
  }
})

interface Annotation {
  readonly name: string
  readonly mark: string
  readonly value?: string
  readonly desired?: string
  readonly writer?: string
}

test('inspect shows the annotations of this node: what they should be, and who wrote them last', async () => {
  await using rig = await shared.rig(vxlanConfig)
  const planned = await PlannedHost.create(onKubernetes(rig), 0)
  await rig.register(0, ['10.244.1.0/24'], { 'public-ip-overwrite': '198.51.100.9' })
  const agent = planned.start()
  await agent.inSync()
  await rig.published(0, 'backend-data', (value) => value !== undefined)
  const inspect = async (...args: readonly string[]) => await planned.selvedge('inspect', ...args)
  const record = async (): Promise<Readonly<Record<string, Annotation>>> => {
    const { store } = JSON.parse((await inspect('--json')).stdout)
    return Object.fromEntries(
      store.record.map((each: Annotation) => [each.name.replace(`${PREFIX}/`, ''), each]),
    )
  }
  const well = await record()
  expect(Object.entries(well).map(([name, { mark }]) => `${name} ${mark}`)).toEqual([
    'kube-subnet-manager held',
    'backend-type held',
    'backend-data held',
    'public-ip held',
    'public-ip-overwrite foreign',
  ])
  expect(well['public-ip']?.value).toBe('198.51.100.9')
  expect(well['backend-type']?.writer).toMatch(/\w/)

  // The agent mends what it sees; while it is stopped, it sees nothing.
  await agent.stop()
  await rig.annotate(0, 'backend-type=host-gw')
  await rig.annotate(0, 'public-ip-')
  const drifted = await record()
  expect(drifted['backend-type']).toMatchObject({ mark: 'stale', value: 'host-gw', desired: 'vxlan' })
  expect(drifted['backend-type']?.writer).toMatch(/kubectl/)
  expect(drifted['public-ip']).toMatchObject({ mark: 'missing', desired: '198.51.100.9' })
  const page = await inspect()
  expect(page.status).toBe(2)
  expect(page.stdout).toMatch(/^Annotations of this Node: .*1 missing, 1 stale, 1 foreign$/m)
  expect(page.stdout.replaceAll(/\n +/g, ' ')).toMatch(/host-gw, should be vxlan/)
})

test('without the API server, and with a kubeconfig that it refuses, it says so', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  const stranger = await rig.kubeconfigFor('nobody')
  const denied = await selvedgeIn(rig.lab.switch, [
    '--kube-subnet-mgr',
    `--kubeconfig-file=${stranger}`,
    ...rig.flags.filter((flag) => /net-config-path/.test(flag)),
  ])('leases', 'list')
  expect(denied.stderr).toMatch(/nobody|forbidden|refuses/i)
  expect(denied.status).toBe(1)
  await rig.cluster.stopApiServer()
  const away = await selvedgeIn(rig.lab.switch, rig.flags)('leases', 'list')
  expect(away.stderr).toMatch(/kubernetes|API server/i)
  expect(away.status).toBe(4)
})
