import assert from 'node:assert/strict'
import type { Random } from '@selvedge/core'
import { seededRandom } from '../fuzz/seeded-random.js'
import { MasterHistory } from './history.js'
import { type Move, movesOf } from './moves.js'
import { FOREIGN_REPAIRS } from './others.js'
import { MasterOverlay, overlayPlans } from './overlay.js'
import type { MasterHost, MasterOptions } from './types.js'

/** Within this time after the last trouble everything is in sync, in ms: several times the maximum backoff. */
const TIME_TO_HEAL = 180_000
/** Then nothing is written for this long, in ms: longer than a resync interval. */
const TIME_AT_REST = 90_000

/**
 * Random changes of the desired state, random edits by other processes, random faults and kills, on one host with one or
 * two overlays. Then the faults stop, and one resync must leave
 *
 * - each overlay in sync, with an empty plan, and a fresh driver that finds exactly the desired state,
 * - nothing more to write, however long it goes on,
 * - and once all that is ours is removed, a host like its twin, which only other processes have touched.
 *
 * Rejects with the seed and every move that was made.
 */
export async function masterRun<H extends MasterHost>(options: MasterOptions<H>): Promise<void> {
  const history = new MasterHistory(options.seed)
  const hosts: H[] = []
  try {
    hosts.push(await options.setup(), await options.setup())
    const [host, twin] = hosts
    assert.ok(host && twin)
    await run(host, twin, options, history)
  } catch (error) {
    throw history.failure(error)
  } finally {
    for (const host of hosts) await options.teardown?.(host)
  }
}

async function run(
  host: MasterHost,
  twin: MasterHost,
  { seed, moves = 25 }: Pick<MasterOptions<MasterHost>, 'seed' | 'moves'>,
  history: MasterHistory,
): Promise<void> {
  const random = seededRandom(seed)
  await mustBeAlike(host, twin, 'two fresh hosts are alike')
  const overlays = overlayPlans(random).map((plan) => new MasterOverlay(host, plan, seededRandom(seed + 1)))
  try {
    for (const overlay of overlays) await overlay.begin()
    const possible = movesOf(host, twin, overlays, history)
    for (let count = 0; count < moves; count += 1) {
      await pick(possible, random)(random)
    }
    await healAll(host, twin, overlays, history)
    await settle(host, overlays)
    for (const overlay of overlays) await overlay.mustHoldDesired()
    await mustRest(host, overlays)
    for (const overlay of overlays) await overlay.removeAll()
    await mustBeAlike(host, twin, 'what is not ours is as on a host without us')
  } finally {
    for (const overlay of overlays) await overlay.end()
  }
  for (const overlay of overlays) overlay.mustBeSound()
}

function pick(moves: readonly Move[], random: Random): Move['make'] {
  let at = random() * moves.reduce((sum, { weight }) => sum + weight, 0)
  for (const { weight, make } of moves) {
    at -= weight
    if (at < 0) return make
  }
  throw new TypeError('there are no moves')
}

async function healAll(
  host: MasterHost,
  twin: MasterHost,
  overlays: readonly MasterOverlay[],
  history: MasterHistory,
): Promise<void> {
  history.add('all troubles end')
  host.heal?.()
  for (const line of FOREIGN_REPAIRS) await history.runOnBoth(host, twin, line)
  for (const overlay of overlays) {
    for (const line of overlay.obstacles()) await history.runOn(host, line)
    await overlay.restartIfDead()
    overlay.openGate()
    overlay.resync()
  }
}

async function settle(host: MasterHost, overlays: readonly MasterOverlay[]): Promise<void> {
  for (let passed = 0, step = 10; overlays.some(({ inSync }) => !inSync); passed += step, step *= 1.5) {
    if (passed > TIME_TO_HEAL) {
      assert.fail(overlays.map((overlay) => overlay.describe()).join('\n'))
    }
    await host.pass(step)
  }
}

async function mustRest(host: MasterHost, overlays: readonly MasterOverlay[]): Promise<void> {
  const before = overlays.map(({ written }) => written)
  await host.pass(TIME_AT_REST)
  assert.deepEqual(
    overlays.map(({ written }) => written),
    before,
    'writes though nothing differs',
  )
}

/** Some of what a kernel does takes a while, such as duplicate address detection. */
async function mustBeAlike(host: MasterHost, twin: MasterHost, claim: string): Promise<void> {
  for (let passed = 0; ; passed += 5_000) {
    const [actual, expected] = [await host.state(), await twin.state()]
    if (actual === expected) return
    if (passed > TIME_TO_HEAL) assert.equal(actual, expected, claim)
    await host.pass(5_000)
  }
}
