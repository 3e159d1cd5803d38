import type { StoreSettings } from '@selvedge/agent/flags'
import { configDifferences, copyLeases, leaseKey, OverlayError, parseNetworkConfig } from '@selvedge/core'
import type { Context } from '../context.js'
import { type OperatorStore, openOperatorStore, placeOf, requireWritable } from '../store/open.js'

/**
 * Copies the network config, the leases and the reservations of one store to another. What is there already stays: an
 * interrupted copy is continued by running it again, and one that is done changes nothing.
 */
export async function copyCommand(
  { io, page }: Context,
  { from, to }: { readonly from: StoreSettings; readonly to: StoreSettings },
): Promise<void> {
  if (placeOf(from) === placeOf(to)) {
    throw new OverlayError(
      'INVALID_CONFIG',
      `copying ${placeOf(from)} to itself: name another store by --to-…`,
    )
  }
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
  await using target = await openOperatorStore(to, { signal, onWarning, create: true })
  requireWritable(target, `copying to ${target.place}`, 'copy to etcd or a local store')
  const isConfigWritten = await copyConfig(text, target, signal)
  const { copied, reserved, present } = await copyLeases(source.manager, target.manager, { signal })
  if (page.json) {
    page.document({
      from: source.place,
      to: target.place,
      configWritten: isConfigWritten,
      copied: copied.map(leaseKey),
      reserved: reserved.map(leaseKey),
      present: present.map(leaseKey),
    })
    return
  }
  page.fields([
    ['From', source.place],
    ['To', target.place],
    ['Config', isConfigWritten ? 'written' : 'the same there already'],
    ['Leases', `${copied.length} copied, with a new term`],
    ['Reservations', `${reserved.length} copied`],
    ['Kept', `${present.length} that were there already`],
  ])
}

/** Returns whether it was written. Rejects with `INVALID_CONFIG` if there is another. */
async function copyConfig(text: string, target: OperatorStore, signal: AbortSignal): Promise<boolean> {
  const there = await target.configText()
  if (there === undefined) {
    await target.manager.setNetworkConfig?.(text, { replaces: null, signal })
    return true
  }
  const differences = configDifferences(parseNetworkConfig(there), parseNetworkConfig(text))
  if (differences.length === 0) return false
  throw new OverlayError(
    'INVALID_CONFIG',
    `copying to ${target.place}: its network config is another: ${differences.join('; ')}; nothing is copied: ` +
      'name an empty store, or write the same config there',
  )
}
