import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { table } from '@selvedge/lab'
import type { Program } from './agent.js'
import type { ComparedStarts } from './compare-starts.js'
import { measure } from './measure.js'
import { median, percentile } from './median.js'
import { CHECKOUT, selvedgedOf } from './selvedged.js'
import type { Start } from './starts.js'
import { megabytes, ms, showProgress } from './text.js'
import { UsageError } from './usage-error.js'

export const STARTS_USAGE = `npm run bench -- starts [--against PATH] [--node PATH]… [--peers N,…] [--rounds N] [--json]

Starts selvedged again and again against one etcd: of this checkout and of others, on one Node.js or several, in turn.

  --against PATH  another checkout, built; may be repeated. It comes first in the tables: it is what was before
  --node PATH     a Node.js binary to run each on; may be repeated. Default: the one that runs this
  --peers N,…     leases in etcd. Default: 2,5000,20000
  --rounds N      counted starts of each. Default: 15; with more than 1000 peers 7, with more than 10000 5
  --json          print every start instead of tables
`

const exec = promisify(execFile)

const roundsWith = (peers: number): number => (peers <= 1_000 ? 15 : peers <= 10_000 ? 7 : 5)

/** A program and what the tables call it. */
interface Contender extends Program {
  readonly checkoutName: string
  readonly nodeVersion: string
}

/** `npm run bench -- starts`. */
export async function runStarts(args: readonly string[], signal: AbortSignal): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      against: { type: 'string', multiple: true, default: [] },
      node: { type: 'string', multiple: true, default: [process.execPath] },
      peers: { type: 'string', default: '2,5000,20000' },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const contenders = await findContenders(
    [...flags.against.map((path) => resolve(path)), CHECKOUT],
    flags.node,
  )
  const programs = contenders.map(({ node, checkout }) => ({ node, checkout }))
  const results: ComparedStarts[] = []
  for (const peers of flags.peers.split(',').map(positiveInteger)) {
    const rounds = flags.rounds === undefined ? roundsWith(peers) : positiveInteger(flags.rounds)
    showProgress(`starts with ${peers} peers`)
    const compared = await measure('compare-starts', { peers, rounds, programs }, signal)
    showProgress(undefined)
    results.push(compared)
    if (!flags.json) process.stdout.write(textOf(compared, contenders))
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ contenders, results }, null, 2)}\n`)
}

/** Every checkout on every Node.js. */
async function findContenders(
  checkouts: readonly string[],
  nodes: readonly string[],
): Promise<readonly Contender[]> {
  const contenders: Contender[] = []
  for (const node of nodes) {
    const { stdout: version } = await exec(node, ['--version'])
    for (const checkout of checkouts) {
      selvedgedOf(checkout) // better missed now than in the middle
      contenders.push({ node, checkout, checkoutName: await nameOf(checkout), nodeVersion: version.trim() })
    }
  }
  return contenders
}

/** The commit that a checkout is at, with a `+` if files differ from it. */
async function nameOf(checkout: string): Promise<string> {
  const { stdout } = await exec('git', ['-C', checkout, 'describe', '--always', '--dirty=+', '--exclude=*'])
  return stdout.trim()
}

function textOf({ peers, starts }: ComparedStarts, contenders: readonly Contender[]): string {
  const rows = contenders.map(({ checkoutName, nodeVersion }, index) => {
    const measured = starts[index] ?? []
    const cell = (name: keyof Start, print: (value: number) => string) =>
      spread(
        measured.map((start) => start[name]),
        print,
      )
    return [
      checkoutName,
      nodeVersion,
      `${measured.length}`,
      cell('subnetEnvMs', ms),
      cell('inSyncMs', ms),
      cell('cpuMs', ms),
      cell('peakMemory', megabytes),
    ]
  })
  const head = ['commit', 'Node.js', 'starts', 'subnet.env', 'kernel holds all', 'CPU', 'peak memory']
  const lines = table([head, ...rows]).map((line) => `  ${line}\n`)
  return `selvedged joins a network of ${peers} peers in etcd: medians (and quartiles)\n${lines.join('')}\n`
}

/** `63 ms (61 to 70)`: the median and the quartiles. */
function spread(values: readonly number[], print: (value: number) => string): string {
  const quartile = (share: number) => print(percentile(values, share)).replace(/ .*/, '')
  return `${print(median(values))} (${quartile(0.25)} to ${quartile(0.75)})`
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`'${text}' is not a positive whole number`)
  return Number(text)
}
