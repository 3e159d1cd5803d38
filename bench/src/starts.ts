import { rm } from 'node:fs/promises'
import type { Host } from '@selvedge/lab'
import type { Agent } from './agent.js'
import { median } from './median.js'

/** What it takes an agent to join a network: medians over its starts, in milliseconds and bytes. */
export interface Starts {
  readonly starts: number
  /** From the start of the process until subnet.env is written. */
  readonly subnetEnv: number
  /** From the start of the process until the kernel holds everything. */
  readonly converged: number
  readonly cpu: number
  readonly peakMemory: number
}

/** A host, and a store that knows so many peers. */
export interface Network {
  readonly host: Host
  readonly directory: string
  /** Takes out of the store what an agent, which has stopped, has put there. */
  forgetAgent(): Promise<void>
}

/** So many starts take up to half a minute. */
const startsWith = (peers: number): number => (peers <= 5_000 ? 7 : peers <= 20_000 ? 3 : 1)

type Start = Omit<Starts, 'starts'>

/** Starts an agent again and again on a host that knows nothing of it, each way in turn. */
export async function measureStarts<W extends string>(
  network: Network,
  peers: number,
  ways: Readonly<Record<W, () => Agent>>,
): Promise<Record<W, Starts>> {
  const names = Object.keys(ways) as W[]
  const measured = new Map<W, Start[]>(names.map((name) => [name, []]))
  for (let count = 0; count < startsWith(peers); count += 1) {
    for (const [name, starts] of measured) starts.push(await measureStart(network, peers, ways[name]))
  }
  return Object.fromEntries([...measured].map(([name, starts]) => [name, medians(starts)])) as Record<
    W,
    Starts
  >
}

async function measureStart(network: Network, peers: number, start: () => Agent): Promise<Start> {
  const agent = start()
  const subnetEnv = await agent.said('subnet.env is written')
  const converged = await agent.said('in sync')
  const cost = await agent.cost()
  await checkKernel(network.host, peers)
  await agent.stop()
  await network.forgetAgent()
  await network.host.exec('ip', ['link', 'del', 'flannel.1'], { timeout: 600_000 })
  await rm(`${network.directory}/subnet.env`)
  return { subnetEnv, converged, ...cost }
}

function medians(starts: readonly Start[]): Starts {
  const middle = (name: keyof Start) => median(starts.map((start) => start[name]))
  return {
    starts: starts.length,
    subnetEnv: middle('subnetEnv'),
    converged: middle('converged'),
    cpu: middle('cpu'),
    peakMemory: middle('peakMemory'),
  }
}

/** The agent's word is not enough: `ip` and `bridge` must find every peer. */
async function checkKernel(host: Host, peers: number): Promise<void> {
  const counts = await host.exec('sh', [
    '-ec',
    'ip route show dev flannel.1 | wc -l; ip neigh show dev flannel.1 nud permanent | wc -l; bridge fdb show dev flannel.1 | wc -l',
  ])
  for (const count of counts.trim().split('\n')) {
    if (Number(count) !== peers)
      throw new Error(
        `the kernel holds ${counts.trim().replaceAll('\n', ', ')} entries, not ${peers} of each`,
      )
  }
}
