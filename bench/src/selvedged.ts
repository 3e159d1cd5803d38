import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './usage-error.js'

/** The bundle of a checkout and the program that starts it, the newest layout first. */
const LAYOUTS = [
  { bundle: 'packages/selvedged/bundle', program: 'packages/selvedged/bin/selvedged.js' },
  { bundle: 'packages/agent/bundle', program: 'packages/agent/bundle/selvedged.mjs' },
]

/** The root of the checkout that this benchmark belongs to. */
export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))

/** The program `selvedged` of a checkout. Throws a UsageError that says how to build it if it is not there. */
export function selvedgedOf(checkout: string): string {
  const found = LAYOUTS.find(({ bundle }) => existsSync(join(checkout, bundle)))
  if (found === undefined) {
    throw new UsageError(`${checkout} holds no selvedged: run 'npm ci && npm run build' in it`)
  }
  return join(checkout, found.program)
}
