/**
 * Runs one measurement and prints what it gives as JSON. A process of its own for each, since an agent that starts
 * has warmed nothing up either.
 */
import { type MeasurementName, measurements } from './measurements.js'

const [name = '', peers = ''] = process.argv.slice(2)
const abort = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => abort.abort(new Error(signal)))

const measure = measurements[name as MeasurementName]
const measured = await measure(Number(peers), abort.signal)
process.stdout.write(`${JSON.stringify(measured)}\n`)
