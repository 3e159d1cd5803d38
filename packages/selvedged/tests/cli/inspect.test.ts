/** `selvedge inspect` on a real kernel and a real etcd. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asShown, documentBlock, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { selvedgeIn } from './selvedge.js'

interface Entry {
  readonly mark: string
  readonly kind: string
  readonly text: string
  readonly lease?: string
  readonly writer?: string
  readonly changed?: { readonly was: string }
}

test('inspect marks what is held, missing, stale and foreign, with the lease; with an agent, and with a plan', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const [first, second] = rig.lab.hosts
  if (first === undefined || second === undefined) throw new Error('two hosts are needed')
  const { agents, pods } = await rig.joinAll({ args: ['--ip-masq'] })
  const [agent, other] = agents
  if (agent === undefined || other === undefined || pods.length === 0)
    throw new Error('two agents are needed')
  const { subnetFile, leaseCache } = filesOf(rig.lab, first)
  const [{ subnet: own = '' }, { subnet: peer = '' }] = await Promise.all([agent.ready(), other.ready()])
  const peerKey = peer.replace('/', '-')
  const selvedge = selvedgeIn(first, [
    `--control-socket=${controlSocketOf(subnetFile)}`,
    `--etcd-endpoints=${rig.etcd.endpoint}`,
    `--subnet-file=${subnetFile}`,
    `--lease-cache=${leaseCache}`,
    '--ip-masq',
  ])
  const inspect = async () => {
    const { status, stdout, stderr } = await selvedge('inspect', '--json')
    if (stdout === '') throw new Error(stderr)
    return { status, page: JSON.parse(stdout) as { entries: Entry[] } & Record<string, unknown> }
  }

  const well = await inspect()
  expect(well).toMatchObject({
    status: 0,
    page: {
      format: 1,
      source: 'agent',
      page: { own: own.replace('/', '-'), backend: 'vxlan', networks: ['10.244.0.0/16'] },
      subnetFile: { path: subnetFile, mark: 'held' },
      store: {
        leases: expect.arrayContaining([
          expect.objectContaining({ key: peerKey, mark: 'held', isOwn: false }),
          expect.objectContaining({ key: own.replace('/', '-'), mark: 'held', isOwn: true }),
        ]),
      },
    },
  })
  const of = (entries: readonly Entry[], kind: string, mark = 'held') =>
    entries.filter((entry) => entry.kind === kind && entry.mark === mark)
  for (const kind of ['route', 'neighbour', 'fdb']) {
    expect(of(well.page.entries, kind)).toEqual([expect.objectContaining({ lease: peerKey })])
  }
  expect(of(well.page.entries, 'link')[0]?.text).toMatch(/^flannel\.1 vxlan mtu 1450 mac \S+ up /)
  expect(of(well.page.entries, 'rule').map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^iptables ip nat FLANNEL-POSTRTG: .* -j MASQUERADE/),
  )
  // The bridge of the pods is another program's.
  expect(of(well.page.entries, 'route', 'foreign')).toContainEqual(
    expect.objectContaining({ text: expect.stringContaining(own), writer: 'kernel' }),
  )

  // The agent removes what it owns and mends what it misses: what it cannot see is marked while it is stopped.
  await first.ip('route', 'add', '10.244.240.0/24', 'dev', 'flannel.1', 'proto', 'bird')
  await first.exec('iptables', ['-t', 'nat', '-I', 'POSTROUTING', '-s', '10.244.0.0/16', '-j', 'ACCEPT'])
  await first.ip('route', 'delete', peer)
  const drifted = await until('the agent to have mended its route', async () => {
    const { page } = await inspect()
    const [route] = of(page.entries, 'route')
    return route?.changed === undefined ? undefined : page
  })
  expect(of(drifted.entries, 'route')[0]).toMatchObject({ lease: peerKey, changed: { was: 'missing' } })
  expect(of(drifted.entries, 'route', 'foreign')).toContainEqual(
    expect.objectContaining({ text: '10.244.240.0/24 dev flannel.1', writer: 'bird' }),
  )
  expect(of(drifted.entries, 'rule', 'foreign').map(({ text }) => text)).toEqual([
    'iptables ip nat POSTROUTING: -s 10.244.0.0/16 -j ACCEPT',
  ])
  const page = await selvedge('inspect')
  expect(page.status).toBe(0)
  // The name of a process that has ended by then is not known.
  const varying = [/(?<= ago, )\S*\[\S+\]$/]
  const restored = documentBlock('docs/selvedge.md', '…\nheld     10.244.202.0/24 via')
  expect(asShown(restored, page.stdout, { varying })).toBe(restored)
  expect(page.stdout.split('\n').filter((line) => line.length > 100)).toEqual([])

  const pictures = await Promise.all(
    ['overlay.svg', 'overlay.mmd'].map(async (name) => {
      const path = join(dirname(subnetFile), name)
      expect(await selvedge('inspect', '--graph', path)).toMatchObject({ status: 0, stderr: '' })
      return readFile(path, 'utf8')
    }),
  )
  for (const picture of pictures) {
    for (const part of [own, peer, 'tunnel flannel.1', 'FLANNEL-POSTRTG']) expect(picture).toContain(part)
  }
  expect(await selvedge('inspect', '--graph', 'overlay.png')).toMatchObject({ status: 64, stdout: '' })

  for (const each of agents) await each.stop()
  await first.ip('route', 'delete', peer)
  await first.ip('route', 'add', '10.244.241.0/24', 'dev', 'flannel.1', 'proto', '157')
  const away = await inspect()
  expect(away).toMatchObject({ status: 2, page: { source: 'plan', subnetFile: { mark: 'held' } } })
  expect(of(away.page.entries, 'route', 'missing')).toEqual([
    expect.objectContaining({ lease: peerKey, text: expect.stringContaining(`${peer} via`) }),
  ])
  expect(of(away.page.entries, 'route', 'stale')).toEqual([
    expect.objectContaining({ text: '10.244.241.0/24 dev flannel.1' }),
  ])
  const block = documentBlock('docs/selvedge.md', '…\nRoutes: ')
  expect(asShown(block, (await selvedge('inspect')).stdout)).toBe(block)
  const nowhere = await selvedgeIn(first, [
    `--control-socket=${join(subnetFile, '..', 'none.sock')}`,
    '--etcd-endpoints=http://127.0.0.1:1',
    `--subnet-file=${subnetFile}`,
  ])('inspect')
  expect(nowhere.stdout).toMatch(/Desired +not known/)
  expect(nowhere.stdout).toMatch(/^unknown +10\.244\.240\.0\/24 dev flannel\.1/m)
})
