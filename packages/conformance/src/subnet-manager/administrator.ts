import assert from 'node:assert/strict'
import type { SubnetAdministration, SubnetManager } from '@selvedge/core'
import type { TestStore } from './fixture.js'
import type { StoreFeatures } from './types.js'

type Method = keyof SubnetAdministration

/** What a manager must have of `SubnetAdministration`, by the feature of the suite that asks for it. */
const METHODS = {
  administration: ['setNetworkConfig', 'reserve', 'reservations'],
  conditionalConfig: ['networkConfigText'],
  cancellation: ['cancelReservation'],
} as const satisfies Partial<Record<keyof StoreFeatures, readonly Method[]>>

type Feature = keyof typeof METHODS

/** A manager that has the methods of a feature, those that are optional otherwise included. */
export type Administrator<F extends Feature> = SubnetManager &
  SubnetAdministration &
  Required<Pick<SubnetAdministration, (typeof METHODS)[F][number]>>

/** A manager of node number `node`, as an operator uses it. */
export async function administrator<F extends Feature = 'administration'>(
  store: TestStore,
  node: number,
  feature?: F,
): Promise<Administrator<F>> {
  const manager = await store.connect(node)
  for (const needed of ['administration', feature ?? 'administration'] as const) {
    for (const name of METHODS[needed]) {
      assert.equal(
        typeof Reflect.get(manager, name),
        'function',
        `the manager has no method '${name}': add it, or declare supports.${needed} false`,
      )
    }
  }
  return manager as Administrator<F>
}
