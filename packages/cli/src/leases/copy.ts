import { access } from 'node:fs/promises'
import type { StoreSettings } from '@selvedge/agent/flags'
import {
  type CopyReport,
  configDifferences,
  copyLeases,
  isOverlayError,
  leaseKey,
  OverlayError,
  parseNetworkConfig,
  planCopy,
} from '@selvedge/core'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { count } from '../output/count.js'
import {
  type OpenOptions,
  type OperatorStore,
  openOperatorStore,
  placeOf,
  requireWritable,
} from '../store/open.js'

export interface CopyCommandOptions {
  readonly from: StoreSettings
  readonly to: StoreSettings
  readonly dryRun: boolean
  /** Copy what does not conflict with what is there, instead of nothing. */
  readonly skipConflicts: boolean
}

/**
 * Copies the network config, the leases and the reservations of one store to another, if nothing there conflicts. What is
 * there already stays: an interrupted copy is continued by running it again, and one that is done changes nothing.
 */
export async function copyCommand(context: Context, options: CopyCommandOptions): Promise<void> {
  const { from, to, dryRun, skipConflicts } = options
  if (placeOf(from) === placeOf(to)) {
    throw new OverlayError(
      'INVALID_CONFIG',
      `copying ${placeOf(from)} to itself: name another store by --to-…`,
    )
  }
  const { io } = context
  const { signal } = io
  const onWarning = (text: string): void => io.stderr(`selvedge: ${text}\n`)
  await using source = await openOperatorStore(from, { signal, onWarning })
  const text = await source.configText()
  if (text === undefined) {
    throw new OverlayError(
      'CONFIG_NOT_FOUND',
      `copying ${source.place}: it holds no network config; name another`,
    )
  }
  const plan = await planOf(source, text, to, { signal, onWarning })
  const { isConfigWritten, copied, reserved, conflicts } = plan
  const places = { source, place: placeOf(to), dryRun }
  const isRefused = conflicts.length > 0 && !skipConflicts
  if (dryRun) {
    report(context, { ...places, ...plan })
    if (isRefused) throw refusal(conflicts, 'can be copied')
    if (isConfigWritten || copied.length > 0 || reserved.length > 0) throw new Ended(EXIT.differs)
    return
  }
  if (isRefused) {
    report(context, { ...places, ...plan, isConfigWritten: false, copied: [], reserved: [] })
    throw refusal(conflicts, 'is copied')
  }
  await using target = await openOperatorStore(to, { signal, onWarning, create: true })
  // None, if another program has written one since: CONFIG_CHANGED.
  if (isConfigWritten) await target.manager.setNetworkConfig?.(text, { replaces: null, signal })
  try {
    const done = await copyLeases(source.manager, target.manager, { signal, skipConflicts })
    report(context, { ...places, isConfigWritten, ...done })
  } catch (error) {
    if (!isConfigWritten || !isOverlayError(error)) throw error
    const why = `${error.message}; the network config is written, and stays`
    throw new OverlayError(error.code, why, { cause: error })
  }
}

const refusal = (conflicts: readonly string[], done: string): Ended =>
  new Ended(
    EXIT.refused,
    `nothing ${done}: ${count(conflicts.length, 'lease conflicts', 'leases conflict')} with what is there: delete what is ` +
      'wrong by selvedge leases release, or copy all others by --skip-conflicts',
  )

/** What a copy would write now. Opens the target to look at it, and does not make it. */
async function planOf(
  source: OperatorStore,
  text: string,
  to: StoreSettings,
  options: Omit<OpenOptions, 'create'>,
): Promise<CopyOutcome> {
  await using target = await openIfThere(to, options)
  if (target !== undefined) {
    requireWritable(target, `copying to ${target.place}`, 'copy to etcd, NATS or a local store')
  }
  const isConfigWritten = target === undefined || (await needsConfig(text, target))
  const [{ leases, reserved: keys }, there] = await Promise.all([source.list(), target?.list()])
  const reservations = leases.filter((lease) => keys.has(leaseKey(lease)))
  const config = parseNetworkConfig(text)
  const { copy, reserve, present, conflicts } = planCopy(
    { leases, reservations },
    there?.leases ?? [],
    config,
  )
  return { isConfigWritten, copied: copy, reserved: reserve, present, conflicts }
}

/** A local store that does not exist yet holds nothing. */
async function openIfThere(
  to: StoreSettings,
  options: Omit<OpenOptions, 'create'>,
): Promise<OperatorStore | undefined> {
  if (to.type !== 'local') return openOperatorStore(to, options)
  const isThere = await access(to.path).then(
    () => true,
    () => false,
  )
  return isThere ? openOperatorStore(to, options) : undefined
}

interface CopyOutcome extends CopyReport {
  readonly isConfigWritten: boolean
}

interface CopyResult extends CopyOutcome {
  readonly source: OperatorStore
  /** What it was copied to. */
  readonly place: string
  readonly dryRun: boolean
}

/** How many conflicts a page for people names. */
const MAX_CONFLICTS = 20

function report({ page }: Context, result: CopyResult): void {
  const { source, place, dryRun, isConfigWritten, copied, reserved, present, conflicts } = result
  if (page.json) {
    page.document({
      from: source.place,
      to: place,
      dryRun,
      configWritten: isConfigWritten,
      copied: copied.map(leaseKey),
      reserved: reserved.map(leaseKey),
      present: present.map(leaseKey),
      conflicts,
    })
    return
  }
  const would = dryRun ? 'would be ' : ''
  page.fields([
    ['From', source.place],
    ['To', place],
    ['Config', isConfigWritten ? `${would}written` : 'not written'],
    ['Leases', `${copied.length} ${would}copied, with a new term`],
    ['Reservations', `${reserved.length} ${would}copied`],
    ['Kept', `${present.length} that were there already`],
    ['Conflicts', conflicts.length === 0 ? undefined : `${conflicts.length}, not copied`],
  ])
  for (const conflict of conflicts.slice(0, MAX_CONFLICTS))
    page.text(conflict, { style: 'yellow', indent: 2 })
  const left = conflicts.length - MAX_CONFLICTS
  if (left > 0) page.text(`${left} more: --json has all`)
}

/** Whether the target holds no config yet. Rejects with `INVALID_CONFIG` if it holds another. */
async function needsConfig(text: string, target: OperatorStore): Promise<boolean> {
  const there = await target.configText()
  if (there === undefined) return true
  const differences = configDifferences(parseNetworkConfig(there), parseNetworkConfig(text))
  if (differences.length === 0) return false
  throw new OverlayError(
    'INVALID_CONFIG',
    `copying to ${target.place}: its network config is another: ${differences.join('; ')}; nothing is copied: ` +
      'name an empty store, or write the same config there',
  )
}
