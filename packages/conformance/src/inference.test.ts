/** What the suites are called with needs no annotation: that this compiles is the test, as the tests of all packages do. */
import type { Resource, SubnetManager } from '@selvedge/core'
import { expect, test } from 'vitest'
import {
  type DriverSuiteOptions,
  driverSuite,
  type HostUnderTest,
  type MasterOptions,
  type ResourceSuiteOptions,
  type ResourcesUnderTest,
  resourceSuite,
  type SharedHolderUnderTest,
  type StoreUnderTest,
  type SubnetManagerSuiteOptions,
  sharedHolderSuite,
  subnetManagerSuite,
} from './index.js'

/** Runs nothing: the bodies of the suites are not what is looked at. */
const runner = { describe: () => {}, it: () => {} }

/** Written for every store, and every host: what it takes is wider than what `setup` makes. */
const removed: unknown[] = []
const remove = (anything: unknown): void => void removed.push(anything)
const removeHost = (host: HostUnderTest): void => void removed.push(host.state())
const removeStore = (store: StoreUnderTest): void => void removed.push(store.leaseTermMs)

test('a teardown for every store or host takes what setup makes', () => {
  const setup = () => ({
    connect: (): SubnetManager => {
      throw new Error('not made here')
    },
    folder: '/tmp',
  })
  subnetManagerSuite(runner, { setup, teardown: removeStore })
  subnetManagerSuite(runner, { setup, teardown: remove })
  // What setup makes is known in it, whichever is written first.
  subnetManagerSuite(runner, { setup, teardown: ({ folder }) => remove(folder.length) })
  subnetManagerSuite(runner, { teardown: ({ folder }) => remove(folder.length), setup })
  expect(removed).toEqual([])
})

interface Sample extends Resource {
  readonly kind: 'sample'
}

test('options that are made before the call are inferred as well', () => {
  const host = (): HostUnderTest & { readonly name: string } => {
    throw new Error('not made here')
  }
  const holder = (): ResourcesUnderTest<Sample> & { readonly name: string } => {
    throw new Error('not made here')
  }
  driverSuite(runner, { setup: host, teardown: removeHost })
  driverSuite(runner, { setup: async () => host(), teardown: ({ name }) => remove(name.length) })
  resourceSuite(runner, { setup: holder, teardown: ({ name }) => remove(name.length), sharedHolder: false })
  resourceSuite(runner, { setup: async () => holder(), teardown: remove, sharedHolder: false })
  const options = { setup: host, teardown: removeHost } satisfies DriverSuiteOptions<ReturnType<typeof host>>
  const others: readonly unknown[] = [
    options,
    { setup: holder, teardown: remove, sharedHolder: false } satisfies ResourceSuiteOptions<
      Sample,
      ReturnType<typeof holder>
    >,
  ]
  expect(others).toHaveLength(2)
})

test('a teardown of a shared holder takes what its setup makes, alone and within a suite of resources', () => {
  const shared = (): SharedHolderUnderTest & { readonly region: string } => {
    throw new Error('not made here')
  }
  const setup = (): ResourcesUnderTest<Sample> => {
    throw new Error('not made here')
  }
  sharedHolderSuite(runner, { setup: shared, teardown: ({ region }) => remove(region.length) })
  sharedHolderSuite(runner, { teardown: ({ region }) => remove(region.length), setup: async () => shared() })
  sharedHolderSuite(runner, { setup: shared, teardown: remove })
  resourceSuite(runner, {
    setup,
    sharedHolder: { setup: shared, teardown: ({ region }) => remove(region.length) },
  })
  expect(removed).toEqual([])
})

test('the types of options are exported, to write a function that makes them', () => {
  const names: readonly (keyof SubnetManagerSuiteOptions | keyof MasterOptions<never>)[] = [
    'setup',
    'teardown',
  ]
  expect(names).toHaveLength(2)
})
