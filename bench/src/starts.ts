import { rm } from 'node:fs/promises'
import type { Host } from '@selvedge/lab'
import { type Agent, IN_SYNC } from './agent.js'
import { median } from './median.js'

/** One start of an agent: times in milliseconds, memory in bytes. */
export interface Start {
  /** From the start of the process until subnet.env is written. */
  readonly subnetEnvMs: number
  /** From the start of the process until the kernel holds everything. */
  readonly inSyncMs: number
  readonly cpuMs: number
  readonly peakMemory: number
}

/** What it takes an agent to join a network: medians over its starts. */
export interface Starts extends Start {
  readonly starts: number
}

/** A host, and a store with so many peers. */
export interface StartNetwork {
  readonly host: Host
  readonly directory: string
  /** Removes from the store what an agent, now stopped, has written there. */
  forgetAgent(): Promise<void>
}

/** As many starts as fit into about half a minute. */
const roundsWith = (peers: number): number => (peers <= 5_000 ? 7 : peers <= 20_000 ? 3 : 1)

/** A way to start an agent, and the network that it joins. */
export interface Way {
  readonly network: StartNetwork
  readonly start: () => Agent
}

/** Starts an agent in each of several ways, in turn, again and again; gives the medians of each. */
export async function measureStarts(peers: number, ways: readonly Way[]): Promise<readonly Starts[]> {
  return (await startInTurn({ peers, rounds: roundsWith(peers), ways })).map(mediansOf)
}

/**
 * Starts agents on hosts without any state, each of several ways once a round. Every other round goes
 * backwards, so that what drifts, such as the machine's other load, falls on all alike.
 * @returns the starts of each way
 */
export async function startInTurn({
  peers,
  rounds,
  ways,
}: {
  peers: number
  rounds: number
  ways: readonly Way[]
}): Promise<readonly (readonly Start[])[]> {
  const measured = ways.map((way) => ({ way, starts: [] as Start[] }))
  for (let round = 0; round < rounds; round += 1) {
    for (const { way, starts } of measured) starts.push(await measureStart(peers, way))
    measured.reverse()
  }
  if (rounds % 2 === 1) measured.reverse()
  return measured.map(({ starts }) => starts)
}

async function measureStart(peers: number, { network, start }: Way): Promise<Start> {
  const agent = start()
  const subnetEnvMs = await agent.subnetEnv()
  const inSyncMs = await agent.logged(IN_SYNC)
  const { cpuMs, peakMemory } = await agent.cost()
  await checkKernel(network.host, peers)
  await agent.stop()
  await network.forgetAgent()
  await network.host.exec('ip', ['link', 'del', 'flannel.1'], { timeoutMs: 600_000 })
  await rm(`${network.directory}/subnet.env`)
  return { subnetEnvMs, inSyncMs, cpuMs, peakMemory }
}

function mediansOf(starts: readonly Start[]): Starts {
  const middle = (name: keyof Start) => median(starts.map((start) => start[name]))
  return {
    starts: starts.length,
    subnetEnvMs: middle('subnetEnvMs'),
    inSyncMs: middle('inSyncMs'),
    cpuMs: middle('cpuMs'),
    peakMemory: middle('peakMemory'),
  }
}

/** The agent's own log is no proof: `ip` and `bridge` must find every peer. */
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
