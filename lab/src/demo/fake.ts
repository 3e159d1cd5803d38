import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeKernel, MemoryDriver } from '@selvedge/conformance'
import { createOverlay, type Overlay } from '@selvedge/core'
import { trafficRules } from '@selvedge/firewall'
import { LocalSubnetManager } from '@selvedge/store-local'
import { backendOf } from '../backend-of.js'
import { until } from '../until.js'
import type { DemoOptions } from './options.js'
import type { Report } from './report.js'

interface FakeHost {
  name: string
  kernel: FakeKernel
  overlay: Overlay
  joinedAfter: number
}

const NETWORK = '10.244.0.0/16'

/**
 * The same composition without privileges: the same store, overlay and backend, with a fake kernel in place of
 * each host's. It shows what would be programmed; no packet flows.
 * @returns how many pings were lost: none, since none is sent
 */
export async function fakeDemo(options: DemoOptions, report: Report, signal: AbortSignal): Promise<number> {
  report.heading(`${options.hosts} hosts with a fake kernel each, ${options.backend}; no packet flows`)
  const directory = await mkdtemp(join(tmpdir(), 'selvedge-demo-'))
  const path = join(directory, 'store.mdb')
  const hosts: FakeHost[] = []
  try {
    await using subnets = new LocalSubnetManager({ path })
    await subnets.setNetworkConfig({
      Network: NETWORK,
      EnableNFTables: options.nftables,
      Backend: { Type: options.backend },
    })
    const config = await subnets.getNetworkConfig()
    for (let n = 1; n <= options.hosts; n += 1) {
      const kernel = new FakeKernel({
        interfaces: [{ addresses: [`192.168.77.${n}/24`] }],
        linkTypes: ['vxlan', 'ipip', 'tun'],
      })
      const backend = backendOf(config)
      const overlay = createOverlay({
        subnets: new LocalSubnetManager({ path }),
        backend: {
          ...backend,
          drivers: (context) => (backend.drivers?.(context) ?? []).map((driver) => new MemoryDriver(driver)),
        },
        parts: [trafficRules()],
        drivers: [kernel.driver(), kernel.firewall()],
      })
      const host = { name: `h${n}`, kernel, overlay, joinedAfter: 0 }
      hosts.push(host)
      const start = performance.now()
      await overlay.start({ signal })
      host.joinedAfter = performance.now() - start
    }
    for (const { name, overlay } of hosts) {
      const knowsAll = () => (overlay.leases.size === hosts.length ? true : undefined)
      await until(`${name} to know all leases`, knowsAll, { signal })
      await overlay.whenInSync({ signal })
    }
    await show(hosts, options, report)
    await damageFirst(hosts, report, signal)
    return 0
  } finally {
    await Promise.all(hosts.map(({ overlay }) => overlay.stop()))
    await rm(directory, { recursive: true, force: true })
  }
}

async function show(hosts: readonly FakeHost[], { nftables }: DemoOptions, report: Report): Promise<void> {
  report.heading('Leases')
  report.hosts(
    hosts.map(({ name, overlay: { lease, mtu }, joinedAfter }) => ({ name, lease, mtu, joinedAfter })),
  )
  report.heading('What each host would hold')
  for (const { name, kernel, overlay } of hosts) {
    report.view({
      host: name,
      outputs: [
        { command: 'cat subnet.env', output: overlay.subnetEnv({ ipMasq: true }) },
        { command: '(links, addresses, routes, neighbours, fdb)', output: kernel.toText() },
        nftables
          ? { command: 'nft list ruleset', output: kernel.nftListRuleset() }
          : { command: 'iptables-save', output: kernel.iptablesSave() },
      ],
    })
  }
}

/** Damages the first host's fake kernel, and waits until it is as it was. */
async function damageFirst(
  [victim, ...peers]: readonly FakeHost[],
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const peer = peers[0]?.overlay.lease.subnet
  if (victim === undefined || peer === undefined) return
  const { name, kernel } = victim
  const whole = kernel.toText()
  // With udp there is one route for all peers.
  const destination = whole.includes('flannel0') ? NETWORK : peer
  const damages = [
    { command: `ip route delete ${destination}`, inflict: () => kernel.deleteRoute({ destination }) },
    ...(whole.includes('flannel.1')
      ? [{ command: 'ip link delete flannel.1', inflict: () => kernel.deleteLink('flannel.1') }]
      : []),
  ]
  report.heading('Damage and repair')
  for (const { command, inflict } of damages) {
    const start = performance.now()
    inflict()
    await until(`${name} to be healed`, () => (kernel.toText() === whole ? true : undefined), {
      intervalMs: 1,
      signal,
    })
    report.repair({ host: name, command, healedAfter: performance.now() - start, events: [] })
  }
}
