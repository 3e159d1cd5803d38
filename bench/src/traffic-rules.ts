import { type LeaseContext, type Operation, type OwnershipScope, parseNetworkConfig } from '@selvedge/core'
import { type Firewall, firewall, type RulesetResource, trafficRules } from '@selvedge/firewall'
import { Lab } from '@selvedge/lab'
import { childrenCpuMs } from './children-cpu.js'
import { measureFlanneldAtRest } from './flanneld-rules.js'
import { median } from './median.js'

/** What the traffic rules of a node of both families cost, by one tool. */
export interface TrafficRulesCost {
  readonly tool: string
  readonly exceptions: number
  /** From a host without rules until they are in place, in ms. */
  readonly startMs: number
  /** From rules without exceptions until those with them are in place, in ms; without any, until it is known that all is well. */
  readonly changeMs: number
  /** CPU of all processes in a minute at rest, with a resync each 5 s, in ms. */
  readonly restCpuMs: number
  /** The same for what flanneld runs. */
  readonly flanneldRestCpuMs: number
}

const TOOLS = [
  { tool: 'iptables-nft', enableNFTables: false, iptables: 'nft' },
  { tool: 'iptables-legacy', enableNFTables: false, iptables: 'legacy' },
  { tool: 'nftables', enableNFTables: true, iptables: undefined },
] as const
type Tool = (typeof TOOLS)[number]

const ROUNDS = 5
/** flanneld's default. */
const RESYNCS_A_MINUTE = 12

const SCOPE: OwnershipScope = { aliases: [], links: [], networks: [] }

/** All tools one after the other, each on a host of its own. */
export async function measureTrafficRules(
  exceptions: number,
  signal: AbortSignal,
): Promise<readonly TrafficRulesCost[]> {
  await using lab = await Lab.create({ hosts: TOOLS.length, signal })
  const costs: TrafficRulesCost[] = []
  for (const [i, tool] of TOOLS.entries())
    costs.push(await measureTool(lab.host(i).namespace, tool, exceptions))
  return costs
}

async function measureTool(name: string, tool: Tool, exceptions: number): Promise<TrafficRulesCost> {
  const namespace = `/run/netns/${name}`
  const plain = rulesets(tool, 0)
  const changed = rulesets(tool, exceptions)
  const [starts, changes]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round += 1) {
    await using driver = firewall({ namespace, iptables: tool.iptables })
    starts.push(await reconcile(driver, plain))
    changes.push(await reconcile(driver, changed))
    await reconcile(driver, [])
  }
  await using driver = firewall({ namespace, iptables: tool.iptables })
  await reconcile(driver, changed)
  const restCpuMs = await measureRest(driver)
  const flanneldRestCpuMs = tool.enableNFTables
    ? 0
    : await measureFlanneldAtRest(name, tool.iptables, RESYNCS_A_MINUTE)
  return {
    tool: tool.tool,
    exceptions,
    startMs: median(starts),
    changeMs: median(changes),
    restCpuMs,
    flanneldRestCpuMs,
  }
}

function rulesets({ enableNFTables }: Tool, exceptions: number): readonly RulesetResource[] {
  const context: LeaseContext = {
    config: parseNetworkConfig({
      Network: '10.244.0.0/16',
      EnableIPv6: true,
      IPv6Network: 'fd00:244::/48',
      EnableNFTables: enableNFTables,
    }),
    externalInterface: { name: 'eth0', mtu: 1500, onLink: [] },
    lease: { subnet: '10.244.1.0/24', ipv6Subnet: 'fd00:244:0:1::/64', attributes: {} },
  }
  const cidrs = Array.from({ length: exceptions }, (_, i) => `10.100.${i}.0/24`)
  return trafficRules({ exceptions: cidrs }).local(context) as readonly RulesetResource[]
}

/** Reads, and writes what differs, as an overlay does. Returns how long it took, in ms. */
async function reconcile(driver: Firewall, desired: readonly RulesetResource[]): Promise<number> {
  const startedAt = performance.now()
  const actual = new Map((await driver.snapshot(SCOPE)).map((resource) => [resource.key, resource]))
  const operations: Operation<RulesetResource>[] = []
  for (const resource of desired) {
    if (actual.get(resource.key)?.text !== resource.text) operations.push({ type: 'put', resource })
    actual.delete(resource.key)
  }
  for (const resource of actual.values()) operations.push({ type: 'delete', resource })
  if (operations.length > 0) {
    for (const result of await driver.apply(operations)) if (!result.ok) throw result.error
  }
  return performance.now() - startedAt
}

/** CPU of this process and of all that it runs, for as many resyncs as a minute has, in ms. */
async function measureRest(driver: Firewall): Promise<number> {
  const stop = new AbortController()
  const watching = (async () => {
    for await (const _ of driver.watch?.({ signal: stop.signal }) ?? []);
  })()
  // Until the kernel's notifications come: the first snapshots are read.
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  await driver.snapshot(SCOPE)
  const [own, children] = [process.cpuUsage(), await childrenCpuMs()]
  for (let i = 0; i < RESYNCS_A_MINUTE; i += 1) await driver.snapshot(SCOPE)
  const { user, system } = process.cpuUsage(own)
  const cost = (user + system) / 1_000 + (await childrenCpuMs()) - children
  stop.abort()
  await watching
  return cost
}
