import { runTool } from '../tools/run-tool.js'

/** What became of a few ICMP echoes. */
export interface Probe {
  readonly sent: number
  readonly received: number
  /** In ms; undefined without an answer. */
  readonly averageMs?: number | undefined
  /** Why none were sent. */
  readonly problem?: string | undefined
}

const ECHOES = 3
/** Echoes go out every 0.2 s, and the last is waited for for a second. */
const TIMEOUT_MS = 4_000

/** Three ICMP echoes by `ping`, at most 4 s. @param source an address of this host */
export async function probe(
  destination: string,
  source: string | undefined,
  signal: AbortSignal,
): Promise<Probe> {
  const from = source === undefined ? [] : ['-I', source]
  const args = ['-n', '-c', `${ECHOES}`, '-i', '0.2', '-W', '1', ...from, destination]
  const output = await runTool('ping', args, { timeoutMs: TIMEOUT_MS, signal })
  if (output === undefined) return { sent: 0, received: 0, problem: 'ping is not installed' }
  return (
    readPing(output.stdout) ?? { sent: 0, received: 0, problem: firstLine(output.stderr || output.stdout) }
  )
}

/** The summary of ping, of iputils and of busybox; undefined if there is none. */
export function readPing(text: string): Probe | undefined {
  const [, sent, received] = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(text) ?? []
  if (sent === undefined || received === undefined) return undefined
  const [, average] = /= [\d.]+\/([\d.]+)\//.exec(text) ?? []
  const averageMs = average === undefined ? undefined : Number(average)
  return { sent: Number(sent), received: Number(received), averageMs }
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? ''
