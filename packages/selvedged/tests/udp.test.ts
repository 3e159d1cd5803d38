/** The agent, as it is installed, with a network config that names no backend: udp, as to flanneld. */
import { pingMatrix } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'

test('without a Backend section, hosts reach each other by udp, and publish what flanneld does', async () => {
  await using rig = await Rig.create({ Network: '10.244.0.0/16' })
  const { agents, pods } = await rig.joinAll({ args: ['--healthz-port=10256', '--healthz-ip=127.0.0.1'] })
  expect(await agents[0]?.subnetEnv()).toMatchObject({ network: '10.244.0.0/16', mtu: 1472 })
  expect([...(await rig.etcd.leases()).values()].sort()).toEqual([
    '{"PublicIP":"192.168.77.1","PublicIPv6":null}',
    '{"PublicIP":"192.168.77.2","PublicIPv6":null}',
  ])
  const matrix = await pingMatrix([...pods, ...rig.lab.hosts], pods)
  expect(matrix.filter(({ lost }) => lost > 0)).toEqual([])
  const [first] = pods
  await first?.exec('sh', ['-c', 'ping -n -c 3 -i 0.02 -W 1 10.244.250.9 || true'])
  const metrics = (await agents[0]?.get(10256, '/metrics')) ?? ''
  expect(metrics).toContain('selvedge_driver_dropped_packets_total{driver="udp",reason="no_route"} 3\n')
  expect(metrics).toContain('selvedge_driver_dropped_packets_total{driver="udp",reason="malformed"} 0\n')
  expect(metrics).toMatch(/^selvedge_driver_packets_total\{driver="udp",direction="sent"\} [1-9]/m)
  for (const agent of agents) expect(await agent.stop()).toMatchObject({ status: 0 })
})
