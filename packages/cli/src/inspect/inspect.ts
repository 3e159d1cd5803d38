import { writeFile } from 'node:fs/promises'
import { type AgentSettings, UsageError } from '@selvedge/agent/flags'
import { quote } from '@selvedge/core/kit'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { gatheredOnce } from '../gathered-once.js'
import { gather, type Inspected } from './gather.js'
import { type Drawing, drawingOf } from './graph/drawing.js'
import { mermaid } from './graph/mermaid.js'
import { svg } from './graph/svg.js'
import { showInspected } from './show.js'

export interface InspectCommand {
  readonly socket: string
  readonly all: boolean
  /** Where to write the picture, by its ending; undefined for none. */
  readonly graph: string | undefined
}

export async function inspectCommand(
  { io, page }: Context,
  settings: AgentSettings,
  { socket, all, graph }: InspectCommand,
): Promise<void> {
  const draw = graph === undefined ? undefined : drawerOf(graph)
  const inspected = await gatheredOnce(io, 'inspect', () => gather(io, settings, { socket }))
  if (graph !== undefined && draw !== undefined) {
    await writeGraph(graph, draw(drawingOf(inspected.topology, inspected.chains)))
    if (!page.json) {
      page.text(`wrote ${graph}`)
      return
    }
  }
  if (page.json) page.document(documentOf(inspected))
  else showInspected(page, inspected, { all, now: io.clock.now() })
  if (differs(inspected)) throw new Ended(EXIT.differs)
}

function drawerOf(path: string): (drawing: Drawing) => string {
  if (path.endsWith('.svg')) return svg
  if (path.endsWith('.mmd') || path.endsWith('.mermaid')) return mermaid
  throw new UsageError(`--graph ${quote(path)}: the file's name must end in .svg, or in .mmd for Mermaid`)
}

async function writeGraph(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text)
  } catch (error) {
    throw new Ended(EXIT.failed, `writing the graph: ${error instanceof Error ? error.message : error}`)
  }
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
  store.leases.some(({ mark }) => mark === 'missing') ||
  store.record.some(({ mark }) => mark === 'missing' || mark === 'stale')
