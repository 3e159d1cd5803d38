import { findLeftovers, type Leftovers, runningAgents } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { leaseKey, OverlayError } from '@selvedge/core'
import { linux, readLinks } from '@selvedge/dataplane-linux'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { isAgentThere } from '../status/agent-client.js'
import { removalLines } from './lines.js'
import { type OwnLease, openOwnLease } from './own-lease.js'

export interface CleanupOptions {
  readonly yes: boolean
  readonly dryRun: boolean
  readonly force: boolean
  readonly releaseLease: boolean
  readonly all: boolean
}

/** How many lines a terminal shows without --all. */
const MAX_LINES = 60

/** Removes what overlays left on this host, once someone has agreed to what that is. */
export async function cleanupCommand(
  context: Context,
  settings: AgentSettings,
  options: CleanupOptions,
): Promise<void> {
  const { io, page } = context
  const { signal } = io
  const running = await whoRuns(settings, context)
  if (running !== undefined && !options.force && !options.dryRun) {
    throw new OverlayError(
      'RESOURCE_CONFLICT',
      `cleaning up this host: ${running} runs, and would write again what is removed; stop it first, or --force`,
    )
  }
  await using kernel = linux()
  if (!options.dryRun) await kernel.preflight?.([], { signal })
  const links = await readLinks({ signal })
  await using left = await findLeftovers(settings, { kernel, links }, { signal })
  await using own = options.releaseLease ? await openOwnLease(io, settings, left.subnets) : undefined
  const isAnything = left.operations.length > 0 || left.files.length > 0 || isReleased(own)
  if (!page.json) printPlan(context, left, own, { running, all: options.all })
  const isRemoved = isAnything && !options.dryRun && (await isAgreed(context, options))
  const failures = isRemoved ? [...(await left.remove({ signal })), ...(await releaseFailures(own))] : []
  if (page.json) page.document(documentOf(left, own, { running, isRemoved, failures }))
  else if (isRemoved) {
    for (const { message } of failures) page.text(`! ${message}`, { indent: 2, style: 'red' })
    if (failures.length === 0) page.text('removed')
  }
  if (options.dryRun) {
    if (isAnything) throw new Ended(EXIT.differs)
  } else if (isAnything && !isRemoved) {
    throw new Ended(EXIT.refused, 'nothing is removed: --yes does it without asking')
  }
  const unknown = failures.length + left.problems.length
  if (unknown > 0) throw new Ended(EXIT.failed, `${unknown} of it could not be removed; all else is`)
}

/** The agent that runs on this host, in words. */
async function whoRuns(settings: AgentSettings, { io }: Context): Promise<string | undefined> {
  const [agent] = await runningAgents()
  if (agent !== undefined) return `${agent.name}, process ${agent.pid},`
  const { controlSocket } = settings
  if (controlSocket === undefined || !(await isAgentThere(controlSocket, io.signal))) return undefined
  return `an agent that answers at ${controlSocket}`
}

const isReleased = (own: OwnLease | undefined): boolean => own?.lease !== undefined && !own.isReserved

interface Surroundings {
  readonly running: string | undefined
  readonly all: boolean
}

function printPlan(
  { page }: Context,
  { operations, files, networks, lookAlikes, problems }: Leftovers,
  own: OwnLease | undefined,
  { running, all }: Surroundings,
): void {
  const lines = [
    ...removalLines(operations),
    ...files.map(({ path, what }) => `file ${path}: ${what}`),
    ...(own?.lease !== undefined && isReleased(own) ? [`lease ${leaseKey(own.lease)}, in ${own.place}`] : []),
  ]
  const shown = lines.slice(0, all || !page.isTerminal ? undefined : MAX_LINES)
  for (const line of shown) page.text(`- ${line}`, { indent: 4, style: 'red' })
  if (shown.length < lines.length) page.text(`  ${lines.length - shown.length} more: --all shows them`)
  if (own !== undefined && !isReleased(own)) {
    const why =
      own.lease === undefined
        ? `no lease in ${own.place} is this host's`
        : `the lease ${leaseKey(own.lease)}, in ${own.place}, is a reservation: an operator's, which stays`
    page.text(`? ${why}`, { indent: 2, style: 'yellow' })
  }
  for (const { name, type = 'hardware', vni } of lookAlikes) {
    const what = vni === undefined ? type : `${type} of VNI ${vni}`
    page.text(`? link ${name}, ${what}: its name is like flannel's, and another program made it; it stays`, {
      indent: 2,
      style: 'yellow',
    })
  }
  for (const { message } of problems) page.text(`! ${message}`, { indent: 2, style: 'red' })
  if (running !== undefined)
    page.text(`? ${running} runs here: it would write again what is removed`, { indent: 2, style: 'yellow' })
  const of = networks.length === 0 ? '' : ` of ${networks.join(', ')}`
  page.text(
    lines.length === 0
      ? 'no overlay has left anything on this host'
      : `an overlay${of} left this on the host, whose pods lose their connections when it is removed`,
    { style: 'dim' },
  )
}

async function isAgreed({ io, page }: Context, { yes }: CleanupOptions): Promise<boolean> {
  if (yes) return true
  if (page.json || io.ask === undefined) return false
  return /^y(es)?$/i.test((await io.ask('Remove all of this? [y/N] ')).trim())
}

async function releaseFailures(own: OwnLease | undefined): Promise<readonly OverlayError[]> {
  try {
    await own?.release()
    return []
  } catch (error) {
    return [OverlayError.from(error, 'STORE_UNAVAILABLE', "releasing this host's lease")]
  }
}

interface Outcome {
  readonly running: string | undefined
  readonly isRemoved: boolean
  readonly failures: readonly OverlayError[]
}

const documentOf = (
  { operations, files, networks, lookAlikes, problems }: Leftovers,
  own: OwnLease | undefined,
  { running, isRemoved, failures }: Outcome,
) => ({
  networks,
  running,
  resources: operations.map(({ resource }) => resource),
  files,
  foreign: lookAlikes.map(({ name, type, vni }) => ({ link: name, type, vni })),
  lease: own?.lease && { key: leaseKey(own.lease), reserved: own.isReserved, store: own.place },
  removed: isRemoved,
  failures: [...problems, ...failures].map(({ code, message }) => ({ code, message })),
})
