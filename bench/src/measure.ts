import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Measured, MeasurementInput, MeasurementName } from './measurements.js'

/** A file system in memory, on Linux. */
const MEMORY = '/dev/shm'

const ONE = fileURLToPath(new URL('measure-one.js', import.meta.url))

/** Runs one measurement in a process of its own. An abort ends it, and it removes its hosts. */
export async function measure<N extends MeasurementName>(
  name: N,
  input: MeasurementInput<N>,
  signal: AbortSignal,
): Promise<Measured<N>> {
  const child = spawn(process.execPath, [ONE, name, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // etcd keeps its data in memory: the host's disk is not what is measured.
    env: existsSync(MEMORY) ? { ...process.env, TMPDIR: MEMORY } : process.env,
  })
  const end = () => child.kill('SIGTERM')
  signal.addEventListener('abort', end)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk
  })
  const status = await new Promise((resolve) => child.once('close', resolve))
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  if (status !== 0) throw new Error(`measuring ${name} with ${JSON.stringify(input)}: exit status ${status}`)
  return JSON.parse(output) as Measured<N>
}
