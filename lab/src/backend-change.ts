import type { Echo } from './echoes.js'
import { Echoes } from './echoes.js'
import { Lab } from './lab.js'
import { Network } from './network.js'
import { pingUntilReached } from './ping.js'
import { until } from './until.js'

/** A `Backend` section. */
export interface BackendSettings {
  readonly Type: string
  readonly [key: string]: unknown
}

export interface BackendChangeOptions {
  /** The `Backend` sections of the config before and after. */
  readonly from: BackendSettings
  readonly to: BackendSettings
  /** Milliseconds between two echo requests in each direction. Default: 20. */
  readonly intervalMs?: number
  readonly signal?: AbortSignal
}

/** What became of the echo requests of one stretch of time, in both directions. */
export interface Stretch {
  readonly sent: number
  readonly lost: number
  readonly durationMs: number
}

/** A change of backend on two hosts, one after the other, while their pods send to each other. */
export interface BackendChange {
  /** Until the first host's agent is stopped. */
  readonly before: Stretch
  /**
   * Until the last host is in sync: of the two, one has the former backend and the other the new one, at least in part, and
   * neither has a way to the other.
   */
  readonly mixed: Stretch
  /** From then on until both pods have reached each other. */
  readonly after: Stretch
  /** The second after that. */
  readonly settled: Stretch
}

/** How long both pods are watched once they have reached each other, and awaited for the last answers, each. */
const SETTLED_MS = 1_000

/**
 * Two hosts join a network, the config is changed, and the agents are restarted, one after the other. Nothing else is done:
 * the pods stay, and so does what the former agents left.
 */
export async function changeBackend(options: BackendChangeOptions): Promise<BackendChange> {
  const { from, to, intervalMs = 20, signal } = options
  await using lab = await Lab.create({ hosts: 2, ...(signal && { signal }) })
  const base = { Network: '10.244.0.0/16' }
  const network = await Network.create(lab, { ...base, Backend: from })
  const members = await network.joinAll()
  const pods = members.map(({ pod }) => pod)
  const targets = [...pods].reverse().map(({ addresses }) => `${addresses[0]}`)
  for (const [index, pod] of pods.entries()) await pingUntilReached(pod, `${targets[index]}`)
  const streams = await Promise.all(
    pods.map((pod, index) =>
      Echoes.start(pod, `${targets[index]}`, { intervalMs, directory: lab.directory }),
    ),
  )
  const startedMs = Date.now()
  {
    await using subnets = network.subnets()
    await subnets.setNetworkConfig({ ...base, Backend: to })
  }
  await passed(startedMs + SETTLED_MS, signal)
  const changesMs = Date.now()
  for (const { host, agent } of members) {
    await agent.stop()
    await network.startAgent(host).waitFor('in-sync', undefined, { timeout: 60_000 })
  }
  const changedMs = Date.now()
  await Promise.all(pods.map((pod, index) => pingUntilReached(pod, `${targets[index]}`, { timeout: 60_000 })))
  const reachedMs = Date.now()
  await passed(reachedMs + 2 * SETTLED_MS, signal)
  const echoes = (await Promise.all(streams.map((stream) => stream.stop()))).flat()
  return {
    before: stretch(echoes, startedMs, changesMs),
    mixed: stretch(echoes, changesMs, changedMs),
    after: stretch(echoes, changedMs, reachedMs),
    settled: stretch(echoes, reachedMs, reachedMs + SETTLED_MS),
  }
}

const passed = async (timeMs: number, signal: AbortSignal | undefined): Promise<void> => {
  await until('the time to pass', () => Date.now() >= timeMs || undefined, { signal })
}

function stretch(echoes: readonly Echo[], fromMs: number, toMs: number): Stretch {
  const within = echoes.filter(({ sentMs }) => sentMs >= fromMs && sentMs < toMs)
  const lost = within.filter(({ isAnswered }) => !isAnswered).length
  return { sent: within.length, lost, durationMs: toMs - fromMs }
}
