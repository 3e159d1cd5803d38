import type { AgentSettings } from '@selvedge/agent/flags'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { gather, type Inspected } from './gather.js'
import { showInspected } from './show.js'

export interface InspectCommand {
  readonly socket: string
  readonly all: boolean
}

export async function inspectCommand(
  { io, page }: Context,
  settings: AgentSettings,
  { socket, all }: InspectCommand,
): Promise<void> {
  const inspected = await gather(io, settings, { socket })
  if (page.json) page.document(documentOf(inspected))
  else showInspected(page, inspected, { all, now: io.clock.now() })
  if (differs(inspected)) throw new Ended(EXIT.differs)
}

/** Rules of others are many, and not this command's to print, but for those among the entries. */
function documentOf({ chains: _, ...inspected }: Inspected): object {
  return { format: 1, ...inspected }
}

/** Whether something is not as it should be; what is foreign may well be. */
export const differs = ({ entries, subnetFile, store }: Inspected): boolean =>
  entries.some(({ mark }) => mark === 'missing' || mark === 'stale') ||
  subnetFile.mark === 'missing' ||
  subnetFile.mark === 'stale' ||
  store.leases.some(({ mark }) => mark === 'missing')
