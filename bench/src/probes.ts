import { fileURLToPath } from 'node:url'
import { Lab } from '@selvedge/lab'

/** What probing costs. */
export interface Probes {
  readonly peers: number
  /** Of one core, 0 to 1, while all peers answer and ask as often. */
  readonly cpuShare: number
  /** How often each is asked. */
  readonly intervalMs: number
}

const PROGRAM = fileURLToPath(new URL('probe-process.js', import.meta.url))

export async function measureProbes(peers: number, signal: AbortSignal): Promise<Probes> {
  await using lab = await Lab.create({ hosts: 1, signal })
  const host = lab.host(0)
  host.spawn(process.execPath, [PROGRAM, 'peers', `${peers}`])
  const text = await host.exec(process.execPath, [PROGRAM, 'prober', `${peers}`], { timeoutMs: 120_000 })
  const { reached, ...measured } = JSON.parse(text) as Omit<Probes, 'peers'> & { readonly reached: number }
  if (reached === 0) throw new Error(`none of ${peers} peers was reached`)
  return { peers, ...measured }
}
