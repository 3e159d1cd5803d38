/** `selvedge status`, of agents on a real kernel and a real etcd. */
import { dirname, join } from 'node:path'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { selvedgeIn } from './selvedge.js'

/** A lease whose own address is in its subnet: no node can have it. */
const REFUSED = JSON.stringify({
  PublicIP: '10.244.66.7',
  PublicIPv6: null,
  BackendType: 'vxlan',
  BackendData: { VNI: 1, VtepMAC: 'aa:00:00:00:00:66' },
})

test('status names a peer that was refused, drift with its peer, a config that is not in force, and its own lease', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const [first, second] = rig.lab.hosts
  if (first === undefined || second === undefined) throw new Error('two hosts are needed')
  const agents = [rig.start(0), rig.start(1)]
  await Promise.all(agents.map((agent) => agent.inSync()))
  const { subnet: own } = (await agents[0]?.ready()) ?? {}
  const socket = controlSocketOf(filesOf(rig.lab, first).subnetFile)
  const flags = ['--control-socket', socket, '--etcd-endpoints', rig.etcd.endpoint]
  const selvedge = selvedgeIn(first, flags)
  const status = async () => JSON.parse((await selvedge('status', '--json')).stdout).agent

  const well = await until('the peer to be known', async () => {
    const page = await status()
    return page.peers.length === 1 && page.ready ? page : undefined
  })
  const [peer] = well.peers
  expect(well).toMatchObject({
    format: 1,
    node: { backend: 'vxlan', mtu: 1450, lease: { publicIp: first.addresses[0] } },
    store: { name: 'etcd', connected: true, staleMs: 0, fromCache: false },
    config: { inForce: { Network: '10.244.0.0/16' }, differences: [] },
    kernel: { inSync: true, failed: 0 },
    drift: { total: 0 },
    peers: [{ publicIp: second.addresses[0], path: 'tunnel', failing: 0, drift: 0 }],
  })
  expect(own).toBeDefined()
  expect((await selvedge('status')).stdout).toMatch(/1 peer, 0 in trouble, 0 direct, 1 tunnelled/)

  await first.ip('route', 'delete', peer.subnet)
  await rig.etcd.put('10.244.66.0-24', REFUSED)
  const ill = await until('the drift and the refused lease to be known', async () => {
    const page = await status()
    return page.drift.total > 0 && page.peers.length === 2 ? page : undefined
  })
  const by = { pid: expect.any(Number) }
  expect(ill.drift.last[0]).toMatchObject({ key: expect.stringContaining(peer.subnet), was: 'missing', by })
  expect(ill.peers).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ subnet: peer.subnet, drift: 1 }),
      expect.objectContaining({ subnet: '10.244.66.0/24', path: 'none' }),
    ]),
  )
  const page = (await selvedge('status')).stdout
  // The graver trouble first.
  expect(page.indexOf('10.244.66.0/24')).toBeLessThan(page.lastIndexOf(peer.subnet))
  expect(page).toMatch(/refused/)
  expect(page).toMatch(/changed by others/)
  expect(page.split('\n').filter((line) => line.length > 100)).toEqual([])

  // Twice, with a valid one between: each is logged, and said for as long as it is there. A lease outside of the network has
  // the agent read the config again at once, or ten seconds after it last did.
  const putConfig = async (config: object, number: number) => {
    await rig.etcd.putConfig(config)
    await rig.etcd.put(`10.250.${number}.0-24`, REFUSED)
  }
  const says = (what: string, pattern: RegExp) =>
    until(
      what,
      async () =>
        (await selvedge('status')).stdout.replaceAll(/\s+/g, ' ').match(pattern) ? true : undefined,
      { timeoutMs: 100_000 },
    )
  const invalid = { ...vxlanConfig, SubnetLen: 33 }
  const isInvalid = /Config the store's is not valid: .*SubnetLen is 33.*; the one in force stays/
  await putConfig(invalid, 1)
  await says('the config to be known as not valid', isInvalid)
  expect((await status()).config.problem).toMatch(/SubnetLen is 33/)
  await putConfig(vxlanConfig, 2)
  await says('the config to be valid', /Config in force as stored/)
  await putConfig(invalid, 3)
  await says('the config not to be valid again', isInvalid)
  const logged = agents[0]?.logs.filter(({ code, level }) => code === 'INVALID_CONFIG' && level === 50)
  expect(logged).toHaveLength(2)

  for (const agent of agents) await agent.stop()
  const away = await selvedge('status')
  expect(away.status).toBe(4)
  expect(away.stdout).toContain(`none answers at ${socket}`)
  expect(away.stdout.replaceAll('/', '-')).toContain(well.node.lease.key)
  const nowhere = selvedgeIn(first, [
    '--control-socket',
    join(dirname(socket), 'none'),
    '--etcd-endpoints=http://127.0.0.1:1',
  ])
  expect((await nowhere('status')).status).toBe(4)
}, 240_000)
