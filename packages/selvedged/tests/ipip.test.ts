/**
 * Traffic over ipip, by the agent, where the kernel has it. Where it has not, what is tested is that the agent says which
 * module is missing; the test's name in the report says which of the two was run.
 */
import { hasLinkType, pingMatrix } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'

const config = {
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:244::/48',
  Backend: { Type: 'ipip' },
}
const isAble = hasLinkType('ipip') && hasLinkType('ip6tnl')

test.runIf(isAble)('pods of both families reach each other over ipip', async () => {
  await using rig = await Rig.create(config, { ipv6: true })
  const { pods } = await rig.joinAll()
  const entries = await pingMatrix(pods, pods)
  expect(entries.map(({ lost }) => lost)).toEqual(entries.map(() => 0))
})

test.runIf(!isAble)(
  'NO TRAFFIC WAS TESTED: this kernel lacks ipip or ip6_tunnel, and the agent says so',
  async () => {
    await using rig = await Rig.create(config, { ipv6: true, hosts: 1 })
    const agent = rig.start(0)
    const line = await agent.logged(
      /no links of type (?:ipip|ip6tnl): load its module \(modprobe (?:ipip|ip6_tunnel)\)/,
    )
    expect(line).toMatchObject({ level: 50 })
    expect(await agent.ended()).not.toBe(0)
    expect(await rig.etcd.leases()).toEqual(new Map())
  },
)
