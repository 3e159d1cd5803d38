import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  changeParentMtu,
  type DamageCommand,
  deleteDevice,
  deleteFdbEntry,
  deleteNeighbour,
  deleteRoute,
  entriesOf,
  flapDevice,
  inflict,
  type KernelState,
  type Member,
  type Namespace,
  type PeerEntries,
  pingMatrix,
  putDeviceDown,
  readKernelState,
} from '../src/index.js'
import { type JoinedLab, joinedLab, printTime, vxlanConfig } from './setup.js'

/** Healing takes milliseconds. This bound only distinguishes a repair by notification from one by the timer (60 s). */
const BOUND = 5000

const dualStack = { ...vxlanConfig, EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }

let joined: JoinedLab
beforeAll(async () => {
  joined = await joinedLab(dualStack, { hosts: 7, ipv6: true })
})
afterAll(() => joined?.[Symbol.asyncDispose]())

let turn = 0

/**
 * The next host to damage. An agent mends ten accidents at once, and then one a second; so each has its turn.
 */
function nextVictim(): { victim: Member; peers: Member[] } {
  const victim = joined.member(turn++ % joined.members.length)
  return { victim, peers: joined.members.filter((member) => member !== victim) }
}

describe.each([
  { family: 4, device: 'flannel.1', overhead: 50 },
  { family: 6, device: 'flannel-v6.1', overhead: 70 },
] as const)('vxlan, IPv$family: what others damage comes back as it was', ({ family, device, overhead }) => {
  const damages: [string, (peers: readonly PeerEntries[], peer: PeerEntries) => DamageCommand][] = [
    ['a route', (_, peer) => deleteRoute(peer)],
    ['a neighbour', (_, peer) => deleteNeighbour(peer, device)],
    ['an fdb entry', (_, peer) => deleteFdbEntry(peer, device)],
    ['the device', (all) => deleteDevice(all, device)],
    ['the device put down', (all) => putDeviceDown(all, device)],
    ['a flap of the device', (all) => flapDevice(all, device)],
  ]

  test.each(damages)('%s', async (name, damage) => {
    const { victim, peers } = nextVictim()
    const [first, ...others] = peers.map(({ lease }) => entriesOf(lease, family))
    if (first === undefined) throw new RangeError('no peer')
    const before = await state(victim.host, device)
    const { durationMs: duration } = await inflict(victim.host, damage([first, ...others], first))
    printTime(`healed, IPv${family}: ${name}`, duration)
    expect(duration).toBeLessThan(BOUND)
    await expect.poll(() => state(victim.host, device), { timeout: BOUND }).toEqual(before)
    const pings = await pingMatrix(
      [victim.pod],
      peers.map(({ pod }) => pod),
    )
    expect(pings.filter(({ lost }) => lost > 0)).toEqual([])
  })

  test('a change of the parent MTU is followed, there and back, in subnet.env too', async () => {
    const { host, mtu } = nextVictim().victim
    for (const parent of [1400, 1500]) {
      const { durationMs: duration } = await inflict(host, changeParentMtu('eth0', parent, device, overhead))
      printTime(`followed, IPv${family}: parent MTU ${parent}`, duration)
      expect(duration).toBeLessThan(BOUND)
      const expected = `FLANNEL_MTU=${mtu - 1500 + parent}\n`
      const subnetEnv = () => host.exec('cat', [joined.network.subnetEnvOf(host)])
      await expect.poll(subnetEnv, { timeout: BOUND }).toContain(expected)
    }
  })
})

test('host-gw: a deleted route comes back', async () => {
  await using joined = await joinedLab({ ...vxlanConfig, Backend: { Type: 'host-gw' } }, { hosts: 2 })
  const { host } = joined.member(0)
  const { durationMs: duration } = await inflict(host, deleteRoute(entriesOf(joined.member(1).lease)))
  printTime('healed: a route of host-gw', duration)
  expect(duration).toBeLessThan(BOUND)
})

/** What a host holds, without the interface indexes and nexthop ids, which the kernel numbers again. */
async function state(host: Namespace, device: string): Promise<KernelState> {
  const { link, addresses, routes, ...rest } = await readKernelState(host, device)
  const unnumbered = (text: string) => text.replace(/^\d+: /gm, '')
  return {
    link: unnumbered(link),
    addresses: unnumbered(addresses),
    routes: routes.map((line) => line.replace(/ nhid \d+/, '')),
    ...rest,
  }
}
