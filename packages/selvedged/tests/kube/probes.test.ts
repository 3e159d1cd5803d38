/** The condition of a Node whose agent probes its peers. */
import { until } from '@selvedge/lab'
import { afterAll, expect, test } from 'vitest'
import { vxlanConfig } from '../rig.js'
import { type KubeRig, SharedControlPlane } from './kube-rig.js'

const shared = new SharedControlPlane()
afterAll(() => shared[Symbol.asyncDispose]())

const podCidrs = (index: number) => [`10.244.${index + 1}.0/24`]
const drops = (rule: string) =>
  `table inet cut { chain input { type filter hook input priority 0; ${rule} drop; }; }\n`

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
}

/** A change is reported once it has lasted 10 s. */
async function untilCondition(rig: KubeRig, index: number, status: string): Promise<Condition> {
  const look = async () => {
    const { conditions = [] } = (await rig.node(index)).status
    return (conditions as readonly Condition[]).find(
      (each) => each.type === 'NetworkUnavailable' && each.status === status,
    )
  }
  return until(`node ${index} to have the condition ${status}`, look, { timeoutMs: 30_000, intervalMs: 200 })
}

test('a node that reaches no peer says so in its condition, and when it is back; one broken pair is no reason', async () => {
  await using rig = await shared.rig(vxlanConfig, 3)
  const args = ['--probe-peers', '--healthz-port=10256', '--healthz-ip=127.0.0.1']
  const { agents } = await rig.joinAll(podCidrs, { args })
  const [first] = agents
  const host = rig.lab.host(0)
  for (const index of agents.keys()) await untilCondition(rig, index, 'False')
  const metrics = async () => (await first?.get(10256, '/metrics')) ?? ''
  await until(
    'both peers to be reached',
    async () => (await metrics()).match(/^selvedge_probed_peers\{state="reachable"\} 2$/m) ?? undefined,
  )

  await host.exec('nft', ['-f', '-'], { input: drops('iifname "flannel.1" ip saddr 10.244.2.0') })
  await first?.logged(/peer 10\.244\.2\.0-24 .*is unreachable/)
  expect(await first?.get(10256, '/readyz')).toMatch(/^200/)

  await host.exec('nft', ['add', 'rule', 'inet', 'cut', 'input', 'iifname', 'flannel.1', 'drop'])
  expect(await untilCondition(rig, 0, 'True')).toMatchObject({
    reason: 'NoPeerReachable',
    message: expect.stringContaining('2 peers that were reached before answer no probes'),
  })
  expect(await first?.get(10256, '/readyz')).toMatch(/^503/)
  // The others reach each other.
  for (const index of [1, 2]) await untilCondition(rig, index, 'False')

  await host.exec('nft', ['delete', 'table', 'inet', 'cut'])
  expect(await untilCondition(rig, 0, 'False')).toMatchObject({ reason: 'FlannelIsUp' })
  expect(first?.output.match(/the network is unavailable/g)).toHaveLength(1)
})
