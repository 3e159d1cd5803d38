import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  changeParentMtu,
  type DamageCommand,
  deleteDevice,
  deleteForwarding,
  deleteNeighbour,
  deleteRoute,
  entriesOf,
  flapDevice,
  inflict,
  type KernelState,
  type PeerEntries,
  pingMatrix,
  putDeviceDown,
  readKernelState,
  until,
} from '../src/index.js'
import { type JoinedLab, joinedLab, printTime, vxlanConfig } from './setup.js'

/** Healing takes milliseconds. This only tells a repair by notification from one by the timer (60 s). */
const BOUND = 5000

const DEVICE = 'flannel.1'

describe('vxlan: what others damage comes back as it was', () => {
  let joined: JoinedLab
  let peers: PeerEntries[]

  beforeAll(async () => {
    joined = await joinedLab(vxlanConfig)
    peers = joined.members.slice(1).map(({ lease }) => entriesOf(lease))
  })
  afterAll(() => joined?.[Symbol.asyncDispose]())

  const damages: [string, (peers: readonly PeerEntries[], peer: PeerEntries) => DamageCommand][] = [
    ['a route', (_, peer) => deleteRoute(peer)],
    ['a neighbour', (_, peer) => deleteNeighbour(peer, DEVICE)],
    ['a forwarding entry', (_, peer) => deleteForwarding(peer, DEVICE)],
    ['the device', (all) => deleteDevice(all, DEVICE)],
    ['the device put down', (all) => putDeviceDown(all, DEVICE)],
    ['a flap of the device', (all) => flapDevice(all, DEVICE)],
  ]

  test.each(damages)('%s', async (name, damage) => {
    const { host } = joined.member(0)
    const [peer] = peers
    if (peer === undefined) throw new RangeError('no peer')
    const before = comparable(await readKernelState(host, DEVICE))
    const { duration } = await inflict(host, damage(peers, peer))
    printTime(`healed: ${name}`, duration)
    expect(duration).toBeLessThan(BOUND)
    await until(
      'the kernel to hold the same as before',
      async () => {
        const now = comparable(await readKernelState(host, DEVICE))
        return JSON.stringify(now) === JSON.stringify(before) ? true : undefined
      },
      { timeout: BOUND },
    ).catch(async () => expect(comparable(await readKernelState(host, DEVICE))).toEqual(before))
    const pods = joined.members.map(({ pod }) => pod)
    expect((await pingMatrix(pods, pods)).filter(({ lost }) => lost > 0)).toEqual([])
  })

  test('a change of the parent MTU is followed, there and back, and subnet.env tells', async () => {
    const { host } = joined.member(0)
    const subnetEnv = joined.network.subnetEnvOf(host)
    for (const mtu of [1400, 1500]) {
      const { duration } = await inflict(host, changeParentMtu('eth0', mtu, DEVICE, 50))
      printTime(`followed: parent MTU ${mtu}`, duration)
      expect(duration).toBeLessThan(BOUND)
      await until(`FLANNEL_MTU=${mtu - 50} in subnet.env`, async () =>
        (await host.exec('cat', [subnetEnv])).includes(`FLANNEL_MTU=${mtu - 50}\n`) ? true : undefined,
      )
    }
  })
})

test('host-gw: a deleted route comes back', async () => {
  await using joined = await joinedLab({ ...vxlanConfig, Backend: { Type: 'host-gw' } }, { hosts: 2 })
  const { host } = joined.member(0)
  const { duration } = await inflict(host, deleteRoute(entriesOf(joined.member(1).lease)))
  printTime('healed: a route of host-gw', duration)
  expect(duration).toBeLessThan(BOUND)
})

/** Without what the kernel numbers anew: interface indexes and nexthop ids. */
function comparable({ link, addresses, routes, neighbours, fdb }: KernelState): KernelState {
  const unnumbered = (text: string) => text.replace(/^\d+: /gm, '')
  return {
    link: unnumbered(link),
    addresses: unnumbered(addresses),
    routes: routes.map((line) => line.replace(/ nhid \d+/, '')),
    neighbours,
    fdb,
  }
}
