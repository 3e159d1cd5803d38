import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './usage-error.js'

/** Where a checkout has put its bundle, the newest layout first. */
const BUNDLES = ['packages/selvedged/bundle/selvedged.mjs', 'packages/agent/bundle/selvedged.mjs']

/** The root of the checkout that this benchmark belongs to. */
export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))

/** The program `selvedged` of a checkout. Throws a UsageError that says how to build it if it is not there. */
export function selvedgedOf(checkout: string): string {
  const found = BUNDLES.map((bundle) => join(checkout, bundle)).find(existsSync)
  if (found === undefined) {
    throw new UsageError(`${checkout} holds no selvedged: run 'npm ci && npm run build' in it`)
  }
  return found
}
