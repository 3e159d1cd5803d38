import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { PeerStatus } from '@selvedge/agent'
import { addressAt, familyOf } from '@selvedge/core/kit'
import { until } from '@selvedge/lab'
import { expect } from 'vitest'
import { selvedgeIn } from './cli/selvedge.js'
import { Flanneld } from './flannel/flanneld.js'
import { FLANNELD } from './flannel/index.js'
import { printTime } from './print-time.js'
import { Rig } from './rig.js'
import { controlSocketOf, filesOf, type SelvedgedOptions } from './selvedged.js'

/** UDP port of probes. */
export const PROBE_PORT = 8475

/** What one agent has found of a peer in one family. */
export interface Probed {
  readonly state: string
  readonly direction?: string
  readonly responds?: boolean
  readonly rttMs?: number
  readonly loss?: number
}

/** `selvedge` on one of a rig's hosts, which asks the agent there. */
export const selvedgeOf = (rig: Rig, index: number) => {
  const host = rig.lab.host(index)
  return selvedgeIn(host, ['--control-socket', controlSocketOf(filesOf(rig.lab, host).subnetFile)])
}

/** The page of an agent's control socket; an empty one if it is not there yet. */
function statusOf(rig: Rig, index: number): Promise<{ readonly peers?: readonly PeerStatus[] }> {
  const socketPath = controlSocketOf(filesOf(rig.lab, rig.lab.host(index)).subnetFile)
  return new Promise((resolve, reject) => {
    const asked = get({ socketPath, path: '/status' }, (response) => {
      text(response).then((body) => resolve(JSON.parse(body)), reject)
    })
    asked.on('error', () => resolve({}))
  })
}

/** Waits until the agent of a host finds its peer of this public address as described, in each of these families. */
export async function untilProbed(
  rig: Rig,
  [from, to]: readonly [number, number],
  expected: Partial<Probed>,
  families: readonly string[] = ['ipv4'],
): Promise<object> {
  const { addresses } = rig.lab.host(to)
  let last = ''
  const isIt = (found: object | undefined): boolean =>
    Object.entries(expected).every(([name, value]) => Reflect.get(found ?? {}, name) === value)
  const look = async () => {
    const { peers = [] } = await statusOf(rig, from)
    const { probe } =
      peers.find(({ publicIp, publicIpv6 }) =>
        addresses.some((address) => address === publicIp || address === publicIpv6),
      ) ?? {}
    last = JSON.stringify(probe)
    return families.every((family) => isIt(Reflect.get(probe ?? {}, family))) ? probe : undefined
  }
  return until(`host ${from} to find host ${to} ${JSON.stringify(expected)}`, look).catch((error) => {
    throw new Error(`${error.message}; at last it was ${last}`, { cause: error })
  })
}

/** Drops what arrives from a peer's overlay addresses at a host, whatever carries it; resolves with the way to undo it. */
export async function cutWayTo(
  rig: Rig,
  index: number,
  from: readonly string[],
): Promise<() => Promise<unknown>> {
  const host = rig.lab.host(index)
  const rules = from.map((address) => `${familyOf(address) === 4 ? 'ip' : 'ip6'} saddr ${address} drop`)
  await host.exec('nft', ['-f', '-'], {
    input: `table inet cut { chain input { type filter hook input priority 0; ${rules.join('; ')}; }; }\n`,
  })
  return () => host.exec('nft', ['delete', 'table', 'inet', 'cut'])
}

/** What differs from backend to backend. */
export interface ProbedNetwork {
  readonly config: {
    readonly EnableIPv4?: boolean
    readonly EnableIPv6?: boolean
    readonly Backend: { readonly Type: string }
  }
  /** Whether hosts have a device of the overlay, from whose address they probe; else it is that of the pods' bridge. */
  readonly hasDevice: boolean
  readonly options?: Omit<SelvedgedOptions, 'args'>
  /** Whether flanneld can join such a network here. */
  readonly isFlannels: boolean
}

/** For names of tests: who does not probe. */
export const otherIn = ({ isFlannels }: Pick<ProbedNetwork, 'isFlannels'>): string =>
  FLANNELD !== undefined && isFlannels ? 'flanneld' : 'an agent that does not probe'

/**
 * Two hosts probe each other, and a third runs flanneld, or an agent that does not probe: it is taken for reachable, and is
 * no fault. One direction between the two is cut: each names which, and nothing else is in trouble.
 */
export async function testProbes({ config, hasDevice, options, isFlannels }: ProbedNetwork): Promise<void> {
  const families = [
    ...(config.EnableIPv4 === false ? [] : ['ipv4']),
    ...(config.EnableIPv6 === true ? ['ipv6'] : []),
  ]
  await using rig = await Rig.create(config, { hosts: 3, ipv6: true })
  const args = ['--probe-peers', '--healthz-port=8081']
  const variables = (index: number) => ({
    WIREGUARD_KEY_FILE: join(rig.lab.directory, rig.lab.host(index).name, 'wgkey'),
  })
  const start = (index: number, more: readonly string[]) =>
    rig.start(index, { ...options, args: more, variables: variables(index) })
  const [first, second] = [start(0, args), start(1, args)]
  // The bridge has the address that is probed.
  const pods = [first.addPod(), second.addPod()]
  const third = rig.lab.host(2)
  if (FLANNELD !== undefined && isFlannels) {
    const { subnetFile } = filesOf(rig.lab, third)
    const other = new Flanneld({
      program: FLANNELD,
      host: third,
      endpoint: rig.etcd.endpoint,
      subnetFile,
      variables: variables(2),
    })
    await other.start()
    const { subnet, ipv6Subnet, mtu = 0 } = await other.subnetEnv()
    await third.addPod({ subnets: [subnet, ipv6Subnet].filter((text) => text !== undefined), mtu })
  } else await start(2, []).addPod()
  await Promise.all(pods)

  const well = { state: 'reachable', responds: true }
  await untilProbed(rig, [0, 1], well, families)
  await untilProbed(rig, [1, 0], well, families)
  expect(
    Object.keys(await untilProbed(rig, [0, 2], { state: 'reachable', responds: false }, families)),
  ).toEqual(families)
  const { stdout } = await selvedgeOf(rig, 0)('status')
  expect(stdout).toMatch(/ ok\n/)
  expect(stdout).toContain('ok, does not probe')
  expect(stdout).toContain('2 peers, 0 in trouble')

  const { subnet, ipv6Subnet } = await first.subnetEnv()
  const sources = [subnet, ipv6Subnet].flatMap((text) =>
    text === undefined ? [] : [addressAt(text, hasDevice ? 0n : 1n)],
  )
  const before = performance.now()
  const mend = await cutWayTo(rig, 1, sources)
  const cut = performance.now()
  await first.logged(/is unreachable at .*packets to it are lost/)
  printTime('the direction was named after nft was started', performance.now() - before)
  printTime('  and after it had ended', performance.now() - cut)
  await second.logged(/is unreachable at .*nothing from it arrives/)
  await untilProbed(rig, [0, 1], { state: 'unreachable', direction: 'outbound' }, families)
  await untilProbed(rig, [1, 0], { state: 'unreachable', direction: 'inbound' }, families)
  expect((await selvedgeOf(rig, 0)('status')).stdout).toMatch(
    /lost on the way to it[\s\S]*2 peers, 1 in trouble/,
  )
  // The third is reached still.
  expect(await first.get(8081, '/readyz')).toMatch(/^200/)
  await mend()
  await untilProbed(rig, [0, 1], well, families)
  await untilProbed(rig, [1, 0], well, families)
}
