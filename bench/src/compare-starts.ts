import type { Program } from './agent.js'
import { type Start, startInTurn } from './starts.js'
import { StoreLab } from './store/lab.js'

/** Which programs to compare, and with how many peers in etcd. */
export interface Comparison {
  readonly peers: number
  readonly rounds: number
  readonly programs: readonly Program[]
}

/** Every start of each program, in the order in which they were given. */
export interface ComparedStarts {
  readonly peers: number
  readonly starts: readonly (readonly Start[])[]
}

/**
 * Starts several programs in turn on one host against one etcd. Each is started once before, uncounted: the files that
 * it reads are in the page cache then, and Node.js has filled its compile cache if the program asks for one.
 */
export async function compareStarts(
  { peers, rounds, programs }: Comparison,
  signal: AbortSignal,
): Promise<ComparedStarts> {
  await using lab = await StoreLab.create(['etcd'], peers, signal)
  const { network } = lab
  const ways = programs.map((program) => ({ network, start: () => network.startAgent(program) }))
  await startInTurn({ peers, rounds: 1, ways })
  return { peers, starts: await startInTurn({ peers, rounds, ways }) }
}
