/**
 * `npm run bench`: what selvedge costs, beside what `ip` and `bridge` cost for the same on the same machine in the same
 * minute. Each measurement runs in a process of its own, on hosts made for it.
 */
import { parseArgs } from 'node:util'
import { table } from '@selvedge/lab'
import { findKubernetes, remedy } from '../../scripts/kube-apiserver.mjs'
import { BENCHMARKS, type Benchmark, type BenchmarkOptions } from './benchmarks.js'
import { measure } from './measure.js'
import type { BenchmarkName, Measured, MeasurementInput } from './measurements.js'
import { runStarts, STARTS_USAGE } from './starts-command.js'
import { showProgress } from './text.js'
import { UsageError } from './usage-error.js'

const USAGE = `npm run bench -- [--only NAME] [--quick] [--json] [--flanneld PATH]

  --only NAME     one of ${BENCHMARKS.map(({ name }) => name).join(', ')}
  --quick         at most 5,000 peers
  --flanneld PATH a flanneld whose udp backend's throughput is measured beside ours
  --json          print everything as JSON instead of tables

${STARTS_USAGE}`

/** The largest sizes take minutes, mostly to fill etcd and to run `ip -batch`. */
const QUICK = 5_000

interface Flags extends BenchmarkOptions {
  readonly json: boolean
  readonly only: string | undefined
  readonly quick: boolean
}

async function main(args: readonly string[], signal: AbortSignal): Promise<void> {
  if (args.includes('--help')) process.stdout.write(USAGE)
  else if (args[0] === 'starts') await runStarts(args.slice(1), signal)
  else await runBenchmarks(readFlags(args), signal)
}

function readFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      flanneld: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  return { only: undefined, flanneld: undefined, ...values }
}

async function runBenchmarks(flags: Flags, signal: AbortSignal): Promise<void> {
  const chosen = BENCHMARKS.filter(({ name }) => flags.only === undefined || flags.only === name)
  if (chosen.length === 0) throw new UsageError(`there is no benchmark '${flags.only}'`)
  const results: Record<string, unknown> = {}
  for (const benchmark of chosen) {
    if (benchmark.name === 'kubernetes' && findKubernetes() === undefined) {
      process.stderr.write(`Kubernetes was not measured, for want of an API server: ${remedy}.\n`)
      if (flags.only !== undefined) process.exitCode = 1
      continue
    }
    results[benchmark.name] = await runBenchmark(benchmark as Benchmark<BenchmarkName>, flags, signal)
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
}

async function runBenchmark<N extends BenchmarkName>(
  benchmark: Benchmark<N>,
  flags: Flags,
  signal: AbortSignal,
): Promise<readonly Measured<N>[]> {
  const { quick, json } = flags
  const rows: Measured<N>[] = []
  for (const size of benchmark.sizes.filter((count) => !quick || count <= QUICK)) {
    showProgress(`${benchmark.name} ${size}`)
    const input = benchmark.input?.(size, flags) ?? (size as MeasurementInput<N>)
    rows.push(await measure(benchmark.name, input, signal))
  }
  showProgress(undefined)
  if (!json) {
    const lines = table([benchmark.head, ...rows.flatMap(benchmark.rows)])
    process.stdout.write(`${benchmark.title}\n${lines.map((line) => `  ${line}\n`).join('')}\n`)
  }
  return rows
}

const abort = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())

try {
  await main(process.argv.slice(2), abort.signal)
} catch (error) {
  if (!(error instanceof UsageError || isParseArgsError(error))) throw error
  process.stderr.write(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}

function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')
}
