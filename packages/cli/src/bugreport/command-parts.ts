import { UsageError } from '@selvedge/agent/flags'
import { type Command, CommanderError } from 'commander'
import { Ended, exitCodeOf } from '../exit-codes.js'
import type { CliIo } from '../io.js'
import type { Part } from './gather.js'

/** The program's own pages, each as text and as JSON. */
const PAGES: readonly (readonly [name: string, command: readonly string[], about: string])[] = [
  ['status', ['status'], 'what the agent does, a line a peer'],
  ['inspect', ['inspect'], 'every entry of the overlay on this host, with its mark'],
  ['plan', ['plan'], 'what an agent would change'],
  ['doctor', ['doctor'], 'what is wrong, and its remedy'],
  ['leases', ['leases', 'list'], 'the leases in the store'],
  ['config', ['config', 'show'], 'the network config'],
]

/** A plan of 5,000 peers takes 3 s; on a host that is in trouble, and busy, a multiple of that. */
const PAGE_MS = 25_000
/** Without a store: an agent is waited for for 5 s, and an examination by the doctor takes a little longer then. */
const WAITING_PAGE_MS = 10_000

/**
 * @param build builds a fresh program for each command that is run
 * @param args the flags of this run, without its command; each command gets those that it has
 * @param storeAnswers if not, pages mostly wait, so that they are made beside each other
 */
export function commandParts(
  build: (io: CliIo) => Command,
  io: CliIo,
  args: readonly string[],
  storeAnswers: boolean,
): readonly Part[] {
  const sharedFacts: CliIo['sharedFacts'] = new Map()
  return PAGES.flatMap(([name, path, about]) => {
    const command = find(build(io), path)
    if (command === undefined) return []
    const late = new AbortController()
    const page = (end: 'txt' | 'json', extra: readonly string[], text: string): Part => ({
      path: `${name}.${end}`,
      about: `${text}: selvedge ${[...path, ...extra].join(' ')}`,
      lane: storeAnswers ? 'pages' : name,
      limitMs: storeAnswers ? PAGE_MS : WAITING_PAGE_MS,
      make: (signal) => {
        // Facts that were not there in time are not waited for again.
        late.signal.throwIfAborted()
        signal.addEventListener('abort', () => late.abort(signal.reason), { once: true })
        return run(build, { ...io, signal, sharedFacts }, [...path, ...extra, ...known(command, args)])
      },
    })
    return [page('txt', [], about), page('json', ['--json'], `${about}, as JSON`)]
  })
}

function find(program: Command, path: readonly string[]): Command | undefined {
  let command: Command | undefined = program
  for (const name of path) command = command?.commands.find((child) => child.name() === name)
  return command
}

const known = (command: Command, args: readonly string[]): readonly string[] =>
  args.filter((arg) => command.options.some(({ long }) => long === arg.split('=', 1)[0]))

/** What a command prints; rejects if it printed nothing, with the reason. */
async function run(build: (io: CliIo) => Command, io: CliIo, args: readonly string[]): Promise<string> {
  let [text, said] = ['', '']
  const captured: CliIo = {
    ...io,
    isTerminal: false,
    columns: undefined,
    ask: undefined,
    stdout: (part) => {
      text += part
    },
    stderr: (part) => {
      said += part
    },
  }
  try {
    await build(captured).parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (text === '' || !(error instanceof Ended || error instanceof UsageError)) {
      if (error instanceof CommanderError) throw new Error(said.trim() || error.message)
      const message = error instanceof Error ? error.message : String(error)
      if (text === '')
        throw new Error(
          [message, said.trim()].filter((each) => each !== '').join('\n') || `status ${exitCodeOf(error)}`,
        )
    }
  }
  return text
}
