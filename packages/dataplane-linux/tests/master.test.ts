import { type MasterHost, masterRun } from '@selvedge/conformance'
import type { Clock } from '@selvedge/core'
import { systemClock } from '@selvedge/core/kit'
import { describe, it } from 'vitest'
import { linux } from '../src/index.js'
import { TestNamespace } from './namespace.js'

/** One seed alone where the environment names it, as a failure prints it. */
const given = process.env.SELVEDGE_SEED
const SEEDS = given === undefined ? Array.from({ length: 20 }, (_, index) => index + 1) : [Number(given)]

/** Backoffs of half a minute and resyncs every minute are waited for, but not that long. */
const HASTE = 30

const hastyClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now() * HASTE,
  sleep: (milliseconds, options) => systemClock.sleep(milliseconds / HASTE, options),
}

interface NamespaceHost extends MasterHost {
  readonly namespace: TestNamespace
}

function setup(nexthopThreshold: number): NamespaceHost {
  const namespace = new TestNamespace()
  namespace.ip('link add eth0 address 02:00:00:00:00:02 type veth peer name wire address 02:00:00:00:00:03')
  for (const name of ['wire', 'eth0']) namespace.ip(`link set ${name} up`)
  namespace.ip('address add 192.168.0.1/24 dev eth0')
  namespace.ip('address add fd00::1/64 dev eth0 nodad')
  return {
    namespace,
    clock: hastyClock,
    pass: (milliseconds) => hastyClock.sleep(milliseconds),
    driver: () => linux({ namespace: namespace.path, interface: 'eth0', nexthopThreshold }),
    run: (line) => namespace.exec(...line.split(' ')),
    // Indexes differ between two hosts on which different links have come and gone.
    state: () => namespace.state().replaceAll(/"ifindex":\d+,/g, ''),
  }
}

describe('master test on the kernel', () => {
  // Each in a namespace of its own, and most of the time waiting: vitest runs five at a time.
  it.concurrent.each(SEEDS)(
    'seed %i: once faults stop, one resync leaves nothing to do and foreign state untouched',
    (seed) => {
      // Each second one with routes through nexthop objects, all but a few.
      const nexthopThreshold = seed % 2 === 0 ? 2 : 256
      return masterRun({
        seed,
        setup: () => setup(nexthopThreshold),
        teardown: ({ namespace }) => namespace[Symbol.dispose](),
      })
    },
  )
})
