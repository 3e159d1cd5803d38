/**
 * Peers are probed whatever carries their packets, in each family that a network has, beside a node that does not probe.
 *
 * `FLANNELD=/path/to/flanneld npx vitest run packages/selvedged/tests/probe-backends.test.ts` has that node run flanneld.
 */
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { otherIn, PROBE_PORT, selvedgeOf, testProbes, untilProbed } from './probing.js'
import { Rig, vxlanConfig } from './rig.js'

const both = { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }
const Network = '10.244.0.0/16'

const networks = [
  { name: 'dual-stack vxlan', config: { ...vxlanConfig, ...both }, hasDevice: true, isFlannels: true },
  {
    name: 'vxlan of IPv6 alone',
    config: { EnableIPv4: false, ...both, Backend: { Type: 'vxlan' } },
    hasDevice: true,
    // Its host does not answer at its device's address.
    isFlannels: false,
  },
  {
    name: 'vxlan with DirectRouting',
    config: { Network, Backend: { Type: 'vxlan', DirectRouting: true } },
    hasDevice: true,
    isFlannels: true,
  },
  { name: 'udp', config: { Network, Backend: { Type: 'udp' } }, hasDevice: true, isFlannels: true },
  {
    name: 'dual-stack host-gw',
    config: { Network, ...both, Backend: { Type: 'host-gw' } },
    hasDevice: false,
    isFlannels: true,
  },
].map((network) => ({ ...network, other: otherIn(network) }))

test.each(networks)(
  '$name: two peers answer each other, a lost direction is named, $other is no fault',
  testProbes,
)

test('peers of which none answers in any way, and a node that is alone with them, are no fault', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 3 })
  const first = rig.start(0, { args: ['--probe-peers', '--healthz-port=8081'] })
  const silent = [1, 2].map((index) => rig.lab.host(index))
  for (const host of silent) {
    await host.exec('nft', ['-f', '-'], {
      input: `table inet silent {
        counter dropped {}
        chain input { type filter hook input priority 0; udp dport ${PROBE_PORT} counter name dropped drop; }
      }\n`,
    })
  }
  for (const index of [1, 2]) await rig.start(index).ready()
  for (const to of [1, 2]) await untilProbed(rig, [0, to], { state: 'unknown', loss: 1 })
  // As many as of a peer that had answered before would be a fault.
  for (const host of silent) {
    await until('three probes to be dropped', async () => {
      const [, packets] = /packets (\d+)/.exec(await host.exec('nft', ['list', 'counters'])) ?? []
      return Number(packets) >= 3 ? true : undefined
    })
  }
  const { stdout } = await selvedgeOf(rig, 0)('status')
  expect(stdout.match(/ - +- .* answers no probes$/gm)).toHaveLength(2)
  expect(stdout).toContain('2 peers, 0 in trouble')
  expect(await first.get(8081, '/readyz')).toMatch(/^200/)
  expect(await first.get(8081, '/metrics')).toContain('selvedge_probed_peers{state="unknown"} 2\n')
  expect(first.output).not.toContain('unreachable')
})
