/**
 * `npm run fuzz`: feeds every parser of foreign text 200,000 hostile inputs. Needs neither root nor a build.
 *
 *     npm run fuzz -- --count 1000000 --seed 7 lease      a million inputs from seed 7, for the parsers of that name
 *
 * Each parser reports how much it was fed and how long the slowest input took. A failure names the seed of its input:
 * `npm run fuzz -- --count 1 --seed …` draws that one again.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureNpmPackages, root } from './setup.mjs'
import { runInForeground, runMain, SetupError } from './terminal.mjs'

const DEFAULT_COUNT = '200000'

await runMain(async (args) => {
  const { count, seed, filters } = readArguments(args)
  await ensureNpmPackages()
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const names = filters.length === 0 ? [] : ['-t', filters.join('|')]
  return runInForeground(process.execPath, [vitest, 'run', '--project', 'unit', '.fuzz.test.ts', ...names], {
    cwd: root,
    env: { ...process.env, SELVEDGE_FUZZ_COUNT: count, ...(seed !== undefined && { SELVEDGE_SEED: seed }) },
  })
})

function readArguments(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { count: { type: 'string', default: DEFAULT_COUNT }, seed: { type: 'string' } },
    })
    for (const [name, value] of Object.entries(values)) {
      if (!/^\d+$/.test(value)) throw new TypeError(`--${name} is '${value}', not a whole number`)
    }
    return { ...values, filters: positionals }
  } catch (error) {
    throw new SetupError(`${error.message}. Usage: npm run fuzz -- [--count N] [--seed N] [parser …]`)
  }
}
