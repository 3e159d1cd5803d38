/** Agents that probe each other through a real vxlan, of which one direction is cut. */
import { baseAddress } from '@selvedge/core/kit'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { selvedgeIn } from './cli/selvedge.js'
import { Rig, vxlanConfig } from './rig.js'
import { controlSocketOf, filesOf } from './selvedged.js'

interface Probed {
  readonly state: string
  readonly direction?: string
  readonly responds?: boolean
  readonly rttMs?: number
}

test('agents name the direction in which packets to a peer are lost, and take one that does not probe for reachable', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 3 })
  const args = ['--probe-peers', '--healthz-port=8081']
  const agents = [rig.start(0, { args }), rig.start(1, { args }), rig.start(2)]
  const subnets = await Promise.all(agents.map(async (agent) => `${(await agent.ready()).subnet}`))
  const subnetOf = (index: number) => subnets[index]?.replace(/\.1\//, '.0/') ?? ''
  const selvedgeOf = (index: number) => {
    const host = rig.lab.host(index)
    return selvedgeIn(host, ['--control-socket', controlSocketOf(filesOf(rig.lab, host).subnetFile)])
  }
  const probeOf = async (from: number, to: number): Promise<Probed | undefined> => {
    const { peers } = JSON.parse((await selvedgeOf(from)('status', '--json')).stdout).agent
    return peers.find(({ subnet }: { subnet: string }) => subnet === subnetOf(to))?.probe?.ipv4
  }
  const untilProbed = (from: number, to: number, expected: Partial<Probed>) =>
    until(`host ${from} to find host ${to} ${JSON.stringify(expected)}`, async () => {
      const found = await probeOf(from, to)
      const isIt = Object.entries(expected).every(([name, value]) => Reflect.get(found ?? {}, name) === value)
      return isIt ? found : undefined
    })

  const well = await untilProbed(0, 1, { state: 'reachable', responds: true })
  expect(well.rttMs).toBeGreaterThan(0)
  await untilProbed(1, 0, { state: 'reachable', responds: true })
  await untilProbed(0, 2, { state: 'reachable', responds: false })
  expect((await selvedgeOf(0)('status')).stdout).toMatch(/\d ms +\d+ % /)

  const cut = performance.now()
  await rig.lab.host(1).exec('nft', ['-f', '-'], {
    input: `table inet cut {
      chain input {
        type filter hook input priority 0
        iifname "flannel.1" ip saddr ${baseAddress(subnetOf(0))} drop
      }
    }\n`,
  })
  await agents[0]?.logged(/is unreachable at .*packets to it are lost/)
  console.log(`named ${Math.round(performance.now() - cut)} ms after nft was started`)
  await agents[1]?.logged(/is unreachable at .*nothing from it arrives/)
  await untilProbed(0, 1, { state: 'unreachable', direction: 'outbound' })
  await untilProbed(1, 0, { state: 'unreachable', direction: 'inbound' })
  expect((await selvedgeOf(0)('status')).stdout).toContain('lost on the way to it')
  expect((await selvedgeOf(1)('status')).stdout).toContain('lost on the way from it')
  // The third is reached still.
  expect(await agents[0]?.get(8081, '/readyz')).toMatch(/^200/)

  await rig.lab.host(1).exec('nft', ['delete', 'table', 'inet', 'cut'])
  await untilProbed(0, 1, { state: 'reachable', responds: true })
  await untilProbed(1, 0, { state: 'reachable', responds: true })

  await rig.lab.switch.ip('link', 'set', rig.lab.host(0).name, 'down')
  const untilReadiness = (expected: RegExp) =>
    until(
      `/readyz to be ${expected}`,
      async () => (await agents[0]?.get(8081, '/readyz'))?.match(expected) ?? undefined,
    )
  await untilReadiness(/^503.*2 peers that were reached before answer no probes/s)
  await rig.lab.host(0).heal()
  await untilReadiness(/^200/)
})
