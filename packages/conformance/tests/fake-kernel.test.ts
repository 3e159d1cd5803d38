import { FakeKernel, FakeKernelError, seededRandom } from '@selvedge/conformance'
import type { Random } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { LinuxHost } from './linux-host.js'

/** A single seed, if the environment names one as a failure prints it. */
const given = process.env.SELVEDGE_SEED
const SEEDS = given === undefined ? Array.from({ length: 10 }, (_, index) => index + 1) : [Number(given)]
const COMMANDS = 50

const pick = <T>(random: Random, list: readonly T[]): T => {
  const item = list[Math.floor(random() * list.length)]
  if (item === undefined) throw new TypeError('nothing to pick from')
  return item
}

const BEGINNING = [
  'ip link add flannel.1 address 02:00:00:00:01:01 type vxlan id 1 dstport 8472 local 192.168.0.1 dev eth0 nolearning',
  'ip link set flannel.1 up',
]

/** Command lines over a few names, so that they meet: about half of them are refused. */
function command(random: Random): string {
  const one = <T>(...list: readonly T[]) => pick(random, list)
  const link = one('eth0', 'flannel.1', 'flannel.1', 'flannel.2', 'eth1', 'eth2')
  const vxlan = one('flannel.1', 'flannel.1', 'flannel.2')
  const mac = `02:00:00:00:01:0${one(1, 2, 3)}`
  const metric = one('', '', ' metric 7')
  const via4 = one('', ' via 192.168.0.9', ' via 10.244.2.0', ' via 10.244.2.0', ' via 10.5.0.9')
  const via6 = one('', ' via fd00::9', ' via fd10:2::', ' via fd10:2::')
  const onlink = one('', ' onlink')
  const proto = one('', ' proto static', ' proto 157', ' proto bird')
  const verb = one('add', 'add', 'replace', 'append')
  const to4 = one('10.244.2.0/24', '10.244.3.0/24', '10.9.0.0/16')
  const to6 = one('fd10:2::/64', 'fd10:3::/64')
  return one(
    () =>
      `ip link add flannel.1 address ${mac} type vxlan id ${one(1, 2)} dstport 8472 local 192.168.0.1 dev ${one('eth0', 'eth1')} nolearning`,
    () =>
      `ip link add flannel.1 address ${mac} mtu ${one(1400, 1500)} type vxlan id 1 dstport 8472 local 192.168.0.1 dev eth0 nolearning`,
    () =>
      `ip link add flannel.2 address ${mac} type vxlan id 1 dstport 8472 local fd00::1 dev eth0 nolearning`,
    () => `ip link set ${link} up`,
    () => `ip link set ${link} up`,
    () => `ip link set ${link} up`,
    () => `ip link set ${link} down`,
    () => `ip link set ${link} mtu ${one(1250, 1280, 1400, 1450, 1500)}`,
    () => `ip link set ${link} address ${mac}`,
    () => `ip link set ${link} alias selvedge`,
    () => `ip link set ${one('flannel.1', 'flannel.2')} name ${one('flannel.1', 'flannel.2')}`,
    () => `ip link set ${one('eth1', 'eth2')} name ${one('eth1', 'eth2')}`,
    () => `ip link del ${one('flannel.1', 'flannel.2', 'eth1', 'eth2')}`,
    () =>
      `ip addr ${one('add', 'add', 'del')} ${one('10.244.1.0/32', '10.5.0.1/24', '10.6.0.1/16')} dev ${link}`,
    () =>
      `ip -6 addr ${one('add', 'add', 'del')} ${one('fd10:1::/128', 'fd05::1/64')} dev ${link}${one(' nodad')}`,
    () => `ip route ${verb} ${to4}${via4} dev ${link}${proto}${metric}${via4 === '' ? '' : onlink}`,
    () => `ip route ${verb} ${to4}${via4} dev ${link}${proto}${metric}${via4 === '' ? '' : onlink}`,
    () => `ip -6 route ${verb} ${to6}${via6} dev ${link}${proto}${metric}${via6 === '' ? '' : onlink}`,
    () => `ip route ${one('add', 'replace')} blackhole ${to4}${proto}${metric}`,
    () => `ip route del ${to4}${one('', proto, metric)}`,
    () => `ip -6 route del ${to6}${one('', proto, metric)}`,
    () =>
      `ip neigh ${one('add', 'replace')} ${one('10.244.2.0', '10.244.3.0')} lladdr ${mac} dev ${link} nud ${one('permanent', 'stale')}`,
    () =>
      `ip -6 neigh ${one('add', 'replace')} ${one('fd10:2::', 'fd10:3::')} lladdr ${mac} dev ${link} nud permanent`,
    () => `ip neigh del ${one('10.244.2.0', '10.244.3.0', 'fd10:2::')} dev ${link}`,
    () =>
      `bridge fdb ${verb} ${one(mac, mac, '00:00:00:00:00:00')} dev ${vxlan} dst ${one('192.168.0.2', '192.168.0.3', 'fd00::2')} self ${one('permanent', 'dynamic')}`,
    () =>
      `bridge fdb ${verb} ${one(mac, mac, '00:00:00:00:00:00')} dev ${vxlan} dst ${one('192.168.0.2', '192.168.0.3', 'fd00::2')} self ${one('permanent', 'dynamic')}`,
    () =>
      `bridge fdb del ${one(mac, '00:00:00:00:00:00')} dev ${vxlan} dst ${one('192.168.0.2', '192.168.0.3')} self`,
  )()
}

describe('FakeKernel against Linux', () => {
  it.each(SEEDS)(`takes ${COMMANDS} commands as Linux does, seed %i`, (seed) => {
    using linux = new LinuxHost()
    const fake = new FakeKernel({
      interfaces: [
        { name: 'eth0', macAddress: '02:00:00:00:00:02', addresses: ['192.168.0.1/24', 'fd00::1/64'] },
        { name: 'eth1', macAddress: '02:00:00:00:00:03', addresses: ['192.168.1.1/24', 'fd01::1/64'] },
      ],
    })
    const random = seededRandom(seed)
    const history: string[] = []
    for (const line of BEGINNING) {
      linux.run(line)
      fake.run(line)
    }
    expect(fake.toText()).toBe(linux.toText())
    for (let count = 0; count < COMMANDS; count += 1) {
      const line = command(random)
      const taken = succeeds(() => linux.run(line))
      history.push(`${line}${taken ? '' : ' # refused'}`)
      expect(
        succeeds(() => fake.run(line)),
        history.join('\n'),
      ).toBe(taken)
      expect(fake.toText(), history.join('\n')).toBe(linux.toText())
    }
  })
})

function succeeds(act: () => void): boolean {
  try {
    act()
    return true
  } catch (error) {
    const refused = error instanceof FakeKernelError || (error instanceof Error && 'status' in error)
    if (!refused) throw error
    return false
  }
}
