/**
 * Runs one measurement and prints its result as JSON. A process of its own for each, since an agent that starts has
 * warmed nothing up either.
 */
import { type MeasurementName, measurements } from './measurements.js'

const [name = '', input = 'null'] = process.argv.slice(2)
const abort = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => abort.abort(new Error(signal)))

const measure = measurements[name as MeasurementName] as (
  input: unknown,
  signal: AbortSignal,
) => Promise<object>
const measured = await measure(JSON.parse(input), abort.signal)
process.stdout.write(`${JSON.stringify(measured)}\n`)
