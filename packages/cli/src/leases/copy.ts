import { access } from 'node:fs/promises'
import type { StoreSettings } from '@selvedge/agent/flags'
import {
  configDifferences,
  copyLeases,
  type Lease,
  leaseKey,
  OverlayError,
  parseNetworkConfig,
  planCopy,
} from '@selvedge/core'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
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
}

/**
 * Copies the network config, the leases and the reservations of one store to another. What is there already stays: an
 * interrupted copy is continued by running it again, and one that is done changes nothing.
 */
export async function copyCommand(context: Context, { from, to, dryRun }: CopyCommandOptions): Promise<void> {
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
  if (dryRun) return await planCommand(context, source, text, to)
  await using target = await openOperatorStore(to, { signal, onWarning, create: true })
  requireWritable(target, `copying to ${target.place}`, 'copy to etcd or a local store')
  const isConfigWritten = await needsConfig(text, target)
  if (isConfigWritten) await target.manager.setNetworkConfig?.(text, { replaces: null, signal })
  const { copied, reserved, present } = await copyLeases(source.manager, target.manager, { signal })
  report(context, { source, place: target.place, isConfigWritten, copied, reserved, present })
}

/** Says what a copy would write; ends with 2 if anything, with 3 if something cannot be copied. */
async function planCommand(
  context: Context,
  source: OperatorStore,
  text: string,
  to: StoreSettings,
): Promise<void> {
  const { io, page } = context
  const onWarning = (warning: string): void => io.stderr(`selvedge: ${warning}\n`)
  await using target = await openIfThere(to, { signal: io.signal, onWarning })
  if (target !== undefined) {
    requireWritable(target, `copying to ${target.place}`, 'copy to etcd or a local store')
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
  report(context, {
    ...{ source, place: placeOf(to), isConfigWritten, copied: copy, reserved: reserve, present },
    conflicts,
  })
  for (const conflict of page.json ? [] : conflicts) page.text(conflict, { style: 'yellow', indent: 2 })
  if (conflicts.length > 0) {
    throw new Ended(EXIT.refused, `${conflicts.length} of the leases cannot be copied as they are`)
  }
  if (isConfigWritten || copy.length > 0 || reserve.length > 0) throw new Ended(EXIT.differs)
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

interface CopyResult {
  readonly source: OperatorStore
  /** What it was copied to. */
  readonly place: string
  readonly isConfigWritten: boolean
  readonly copied: readonly Lease[]
  readonly reserved: readonly Lease[]
  readonly present: readonly Lease[]
  /** Of a copy that was only planned. */
  readonly conflicts?: readonly string[]
}

function report({ page }: Context, result: CopyResult): void {
  const { source, place, isConfigWritten, copied, reserved, present, conflicts } = result
  if (page.json) {
    page.document({
      from: source.place,
      to: place,
      dryRun: conflicts !== undefined,
      configWritten: isConfigWritten,
      copied: copied.map(leaseKey),
      reserved: reserved.map(leaseKey),
      present: present.map(leaseKey),
      conflicts,
    })
    return
  }
  const would = conflicts === undefined ? '' : 'would be '
  page.fields([
    ['From', source.place],
    ['To', place],
    ['Config', isConfigWritten ? `${would}written` : 'the same there already'],
    ['Leases', `${copied.length} ${would}copied, with a new term`],
    ['Reservations', `${reserved.length} ${would}copied`],
    ['Kept', `${present.length} that were there already`],
  ])
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
