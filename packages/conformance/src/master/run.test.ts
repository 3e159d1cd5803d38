import type { Random } from '@selvedge/core'
import { describe, it } from 'vitest'
import { FakeClock } from '../fake-clock.js'
import { FakeKernel } from '../fake-kernel/kernel.js'
import { draw } from './others.js'
import { masterRun } from './run.js'
import type { MasterHost } from './types.js'

/** A single seed, if the environment names one as a failure prints it. */
const given = process.env.SELVEDGE_SEED
const SEEDS = given === undefined ? Array.from({ length: 1_000 }, (_, index) => index + 1) : [Number(given)]
const AT_ONCE = 100

function fakeHost(): MasterHost {
  const clock = new FakeClock()
  const kernel = new FakeKernel({ clock, interfaces: [{ addresses: ['192.168.0.1/24', 'fd00::1/64'] }] })
  return {
    clock,
    pass: (milliseconds) => clock.advance(milliseconds),
    driver: () => kernel.driver(),
    run: (line) => kernel.run(line),
    state: () => kernel.toText(),
    trouble: (random) => trouble(kernel, random),
    heal: () => kernel.heal(),
  }
}

function trouble(kernel: FakeKernel, random: Random): string {
  const kind = draw(random, 'link', 'address', 'fdb', 'neighbour', 'route')
  const times = draw(random, 1, 2, 5, 30)
  const after = draw(random, 0, 0, 1, 4)
  return draw<() => string>(
    random,
    () => {
      const errno = draw(random, 'EPERM', 'ENOBUFS', 'ENETDOWN', 'ENODEV', 'EBUSY', 'EINVAL', 'ENOMEM')
      kernel.fail({
        errno,
        times,
        after,
        when: (one) => one.type !== 'snapshot' && one.resource.kind === kind,
      })
      return `${times} writes of a ${kind} fail with ${errno}, after ${after}`
    },
    () => {
      kernel.fail({ errno: 'ENOBUFS', times, after, when: ({ type }) => type === 'snapshot' })
      return `${times} reads fail, after ${after}`
    },
    () => {
      kernel.interruptDumps(times)
      return `${times} dumps are interrupted`
    },
    () => {
      kernel.dropNotifications = true
      return 'notifications are dropped'
    },
    () => {
      kernel.dropNotifications = false
      kernel.overrun()
      return 'an overrun'
    },
    () => {
      kernel.slow({
        snapshotMs: draw(random, 1, 50),
        applyMs: draw(random, 1, 500),
        operationMs: draw(random, 0, 20),
      })
      return 'all is slow'
    },
    () => {
      kernel.fight((one) => one.type === 'put' && one.resource.kind === kind)
      return `another process deletes each ${kind} at once`
    },
    () => {
      kernel.crash({ after })
      return `a driver dies, after ${after}`
    },
    () => {
      kernel.heal()
      return 'troubles end for now'
    },
  )()
}

describe('master test', () => {
  const batches = Array.from({ length: Math.ceil(SEEDS.length / AT_ONCE) }, (_, index) =>
    SEEDS.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  )
  it.each(batches.map((seeds) => [seeds[0], seeds.at(-1), seeds] as const))(
    'seeds %i to %i: once faults stop, one resync leaves nothing to do and foreign state untouched',
    async (_first, _last, seeds) => {
      for (const seed of seeds) await masterRun({ seed, setup: fakeHost })
    },
    30_000,
  )
})
