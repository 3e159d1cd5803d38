import type { OnLinkResource } from '../cache/kernel-state.js'
import type { PendingWrite, WriteContext } from './batch.js'
import { writeEntry } from './encode.js'
import { describe, resultOf, SUCCESS_STALE } from './outcome.js'

/** Writes or deletes addresses, neighbours and fdb entries, and sets the result of each. */
export async function applyEntries(
  { connection, state, options }: WriteContext,
  writes: readonly PendingWrite[],
): Promise<void> {
  if (writes.length === 0) return
  // Before they are written, since their notifications arrive while they are being written.
  for (const { operation } of writes) {
    if (operation.type === 'put') state.add(operation.resource)
    else state.remove(operation.resource)
  }
  const failures = await connection.batch(writes, {
    ...options,
    write: (writer, { operation, linkIndex }, sequence) => writeEntry(writer, sequence, operation, linkIndex),
    describe: ({ operation }) => describe(operation),
  })
  for (const write of writes) {
    const { operation } = write
    const failure = failures.get(write)
    if (failure !== undefined) write.result = resultOf(operation, failure)
    else if (takesMoreWithIt(operation.type, operation.resource)) write.result = SUCCESS_STALE
    if (write.result?.ok === false && operation.type === 'put') state.remove(operation.resource)
  }
}

/** With an IPv4 address its secondaries may go; with the last one, all routes and neighbours of the link. */
const takesMoreWithIt = (type: 'put' | 'delete', { kind }: OnLinkResource): boolean =>
  type === 'delete' && kind === 'address'
