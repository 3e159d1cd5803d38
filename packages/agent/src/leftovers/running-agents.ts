import { readdir, readFile, readlink } from 'node:fs/promises'
import process from 'node:process'

/** An agent's process. */
export interface RunningAgent {
  /** Its process ID. */
  readonly pid: number
  /** `flanneld`, `selvedged` or `selvedged-service`. */
  readonly name: string
}

const AGENTS = ['flanneld', 'selvedged', 'selvedged-service']

/**
 * The agents, selvedged's and flannel's, that run in this process's network namespace, by their processes. Those of other
 * namespaces keep another kernel state. Without a /proc there are none to see. Never rejects.
 *
 * @param proc where processes are listed
 */
export async function runningAgents(proc = '/proc'): Promise<readonly RunningAgent[]> {
  const own = await readlink(`${proc}/self/ns/net`).catch(() => undefined)
  const pids = (await readdir(proc).catch((): string[] => [])).filter((name) => /^\d+$/.test(name))
  const found: RunningAgent[] = []
  for (const pid of pids) {
    if (Number(pid) === process.pid) continue
    const name = agentOf(await readFile(`${proc}/${pid}/cmdline`, 'utf8').catch(() => ''))
    if (name === undefined) continue
    // Of one that may not be looked at it is not known where it runs: here, then.
    const namespace = await readlink(`${proc}/${pid}/ns/net`).catch(() => own)
    if (own === undefined || namespace === own) found.push({ pid: Number(pid), name })
  }
  return found
}

/**
 * The agent that a command line starts: as a program, or as the script of an interpreter; not one that an editor or `tail`
 * was given a file of. One whose title was rewritten to hide a password is one word.
 */
export function agentOf(commandLine: string): string | undefined {
  const [program = '', script = ''] = commandLine.split(/[\0 ]/)
  const isInterpreter = /(^|\/)(node|nodejs|sh|bash|dash|busybox)$/.test(program)
  const names = [program, ...(isInterpreter ? [script] : [])].map((path) =>
    path.slice(path.lastIndexOf('/') + 1).replace(/\.[cm]?js$/, ''),
  )
  return names.find((name) => AGENTS.includes(name))
}
