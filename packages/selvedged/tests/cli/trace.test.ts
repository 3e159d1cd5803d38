/** `selvedge trace` on a real kernel and a real etcd. */
import { asShown, documentBlock } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { selvedgeIn } from './selvedge.js'

interface Hop {
  readonly step: string
  readonly kernel: string
  readonly verdict: string
}

test('trace shows the way to a pod, a peer and a pod of its own, names the hop that differs, and probes', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const [first, second] = rig.lab.hosts
  if (first === undefined || second === undefined) throw new Error('two hosts are needed')
  const { agents, pods } = await rig.joinAll({ args: ['--ip-masq'] })
  const [near, far] = pods.map(({ addresses }) => addresses[0] ?? '')
  const [peerAddress = ''] = second.addresses
  if (near === undefined || far === undefined) throw new Error('two pods are needed')
  const { subnetFile, leaseCache } = filesOf(rig.lab, first)
  const { subnet: peer = '' } = (await agents[1]?.ready()) ?? {}
  const selvedge = selvedgeIn(first, [
    `--control-socket=${controlSocketOf(subnetFile)}`,
    `--etcd-endpoints=${rig.etcd.endpoint}`,
    `--subnet-file=${subnetFile}`,
    `--lease-cache=${leaseCache}`,
    '--ip-masq',
  ])
  const trace = async (...args: string[]) => {
    const { status, stdout, stderr } = await selvedge('trace', ...args, '--json')
    if (stdout === '') throw new Error(stderr)
    const page = JSON.parse(stdout)
    const hops: readonly Hop[] = page.hops
    return {
      status,
      page,
      differing: hops.flatMap(({ step, verdict }) => (verdict === 'differs' ? [step] : [])),
    }
  }

  const toPod = await trace(far)
  expect(toPod).toMatchObject({
    status: 0,
    differing: [],
    page: { owner: 'pod', lease: { publicIp: peerAddress }, probe: { sent: 3, received: 3 } },
  })
  expect(toPod.page.hops.map(({ step }: Hop) => step)).toEqual([
    'route',
    'device',
    'neighbour',
    'fdb',
    'underlay route',
    'underlay device',
    'underlay neighbour',
  ])
  expect(await trace(peerAddress)).toMatchObject({ status: 0, page: { owner: 'host' } })
  expect(await trace(near)).toMatchObject({ status: 0, page: { owner: 'own pod' } })
  // From a pod's view: in by the bridge, out by the tunnel.
  const between = await trace(near, far)
  expect(between).toMatchObject({ status: 0, page: { source: near, destination: far } })
  expect(between.page.hops).toContainEqual(
    expect.objectContaining({
      step: 'nat rules',
      kernel: expect.stringMatching(/^return: /),
      verdict: 'same',
    }),
  )
  const text = (await selvedge('trace', near, far)).stdout
  expect(text).toMatch(/From +\S+, in this node's subnet, coming in by cni0/)
  expect(text).toMatch(/probe +3 of 3 echoes answered/)
  expect(text.split('\n').filter((line) => line.length > 100)).toEqual([])

  // A policy rule that a packet of the pod meets, and one of the host does not.
  await first.ip('route', 'add', 'blackhole', peer, 'table', '99')
  await first.ip('rule', 'add', 'from', near, 'table', '99', 'priority', '50')
  expect(await trace(near, far, '--no-probe')).toMatchObject({ status: 2, differing: ['route'] })
  expect(await trace(far, '--no-probe')).toMatchObject({ status: 0, differing: [] })
  await first.ip('rule', 'delete', 'priority', '50')

  for (const each of agents) await each.stop()
  const [vtep = ''] =
    /\S+(?= dst)/.exec(await first.exec('bridge', ['fdb', 'show', 'dev', 'flannel.1'])) ?? []
  await first.exec('bridge', ['fdb', 'replace', vtep, 'dev', 'flannel.1', 'dst', '192.168.77.200'])
  const wrong = await trace(far)
  expect(wrong).toMatchObject({
    status: 2,
    differing: ['fdb'],
    page: { from: 'plan', probe: { received: 0 } },
  })
  await first.ip('route', 'add', `${far}/32`, 'via', '192.168.77.254')
  const specific = await selvedge('trace', far, '--no-probe')
  expect(specific.status).toBe(2)
  const block = documentBlock('docs/selvedge.md', 'From   this host')
  expect(asShown(block, specific.stdout)).toBe(block)
  expect(await selvedge('trace', 'nonsense')).toMatchObject({ status: 64, stdout: '' })
})

test('both families beside each other, with nftables: inspect finds all held, trace of IPv6 is as required', async () => {
  const config = {
    EnableIPv6: true,
    EnableNFTables: true,
    Network: '10.244.0.0/16',
    IPv6Network: 'fd00:244::/48',
    Backend: { Type: 'vxlan' },
  }
  await using rig = await Rig.create(config, { ipv6: true })
  const [first] = rig.lab.hosts
  if (first === undefined) throw new Error('a host is needed')
  const { pods } = await rig.joinAll({ args: ['--ip-masq'] })
  const [near, far] = pods.map(({ addresses }) => addresses.find((each) => each.includes(':')) ?? '')
  if (near === undefined || far === undefined) throw new Error('two pods are needed')
  const { subnetFile } = filesOf(rig.lab, first)
  const selvedge = selvedgeIn(first, [
    `--control-socket=${controlSocketOf(subnetFile)}`,
    `--etcd-endpoints=${rig.etcd.endpoint}`,
  ])
  const { status, stdout } = await selvedge('trace', near, far, '--json')
  const page = JSON.parse(stdout)
  expect({ status, ...page }).toMatchObject({
    status: 0,
    owner: 'pod',
    probe: { received: 3 },
    hops: expect.arrayContaining([
      expect.objectContaining({ step: 'route', verdict: 'same' }),
      expect.objectContaining({ step: 'fdb', verdict: 'same' }),
      expect.objectContaining({
        step: 'nat rules',
        kernel: expect.stringMatching(/^return: /),
        verdict: 'same',
      }),
    ]),
  })
  const inspected = JSON.parse((await selvedge('inspect', '--json')).stdout)
  const entries: readonly { readonly mark: string; readonly kind: string; readonly text: string }[] =
    inspected.entries
  expect(entries.filter(({ mark }) => mark === 'missing' || mark === 'stale')).toEqual([])
  const rules = entries.filter(({ kind, mark }) => kind === 'rule' && mark === 'held').map(({ text }) => text)
  for (const table of ['ip flannel-ipv4', 'ip6 flannel-ipv6']) {
    expect(rules).toContainEqual(
      expect.stringMatching(new RegExp(`^nftables ${table} postrtg: .* masquerade`)),
    )
  }
})
