/** Peers are probed in each family that a network has, over each kind of tunnel that needs no pod. */
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { selvedgeIn } from './cli/selvedge.js'
import { Rig, vxlanConfig } from './rig.js'
import { controlSocketOf, filesOf } from './selvedged.js'

const both = { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }
const ipv6Only = { EnableIPv4: false, ...both, Backend: { Type: 'vxlan' } }
const udp = { Network: '10.244.0.0/16', Backend: { Type: 'udp' } }

test.each([
  ['dual-stack vxlan', { ...vxlanConfig, ...both }, ['ipv4', 'ipv6']],
  ['vxlan of IPv6 alone', ipv6Only, ['ipv6']],
  ['udp', udp, ['ipv4']],
] as const)('%s: each of two peers answers the other', async (_, config, families) => {
  await using rig = await Rig.create(config, { hosts: 2, ipv6: true })
  for (const index of [0, 1]) rig.start(index, { args: ['--probe-peers'] })
  for (const index of [0, 1]) {
    const host = rig.lab.host(index)
    const selvedge = selvedgeIn(host, [
      '--control-socket',
      controlSocketOf(filesOf(rig.lab, host).subnetFile),
    ])
    const probe = await until(`host ${index} to reach its peer`, async () => {
      const { status, stdout } = await selvedge('status', '--json')
      const { probe } = (status === 0 && JSON.parse(stdout).agent?.peers[0]) || {}
      return families.every((family) => probe?.[family]?.responds) ? probe : undefined
    })
    expect(Object.keys(probe)).toEqual(families)
    for (const family of families) expect(probe[family].state).toBe('reachable')
  }
})
