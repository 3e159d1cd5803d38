import { once } from 'node:events'
import { createRequire } from 'node:module'
import { hostname, networkInterfaces } from 'node:os'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { runCli } from '@selvedge/cli'
import { systemClock } from '@selvedge/core/kit'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** The program `selvedge`. Sets the exit status. */
export async function main(): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error(name)))
  // A reader such as `head` has seen enough.
  process.stdout.on('error', ({ code }) => process.exit(code === 'EPIPE' ? 0 : 1))
  const isTerminal = process.stdout.isTTY === true
  process.exitCode = await runCli(process.argv.slice(2), {
    stdout: (output) => void process.stdout.write(output),
    stderr: (output) => void process.stderr.write(output),
    isTerminal,
    columns: isTerminal ? process.stdout.columns : undefined,
    variables: process.env,
    hostname: hostname(),
    addresses: () =>
      Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []),
    readStdin: () => text(process.stdin),
    ask: process.stdin.isTTY === true ? (question) => ask(question, stop.signal) : undefined,
    version,
    clock: systemClock,
    signal: stop.signal,
  })
}

/** The answer; empty if the input ends instead. */
async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const ended = once(terminal, 'close').then(() => '')
  // While it reads, Ctrl-C is a character to the terminal.
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  try {
    return await Promise.race([terminal.question(question, { signal }), ended])
  } catch {
    signal.throwIfAborted()
    // Some versions of Node.js reject at Ctrl-D.
    return ''
  } finally {
    terminal.close()
  }
}
