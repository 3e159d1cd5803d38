import type { Operation, OperationResult } from '@selvedge/core'
import type { KernelResource, LinkResource } from '@selvedge/core/kit'
import { type EntryResource, prepareBatch, type WriteContext } from './batch.js'
import { applyEntries } from './entries.js'
import { applyLink, type LinkContext } from './links.js'
import { applyRoutes } from './routes.js'

export type ApplyContext = WriteContext & LinkContext

/**
 * Carries out the operations and returns their results in the same order. Links are written one by one, everything
 * between two of them in as few system calls as it fits into.
 */
export async function applyOperations(
  context: ApplyContext,
  operations: readonly Operation<KernelResource>[],
): Promise<OperationResult[]> {
  const results: OperationResult[] = []
  let entries: Operation<EntryResource>[] = []
  const flush = async (): Promise<void> => {
    for (const result of await applyBatch(context, entries)) results.push(result)
    entries = []
  }
  for (const operation of operations) {
    if (isLink(operation)) {
      await flush()
      results.push(await applyLink(context, operation))
    } else if (isEntry(operation)) {
      entries.push(operation)
    }
  }
  await flush()
  return results
}

/**
 * The core passes one kind at a time. In a mixed batch, what routes lead through is put before them and deleted after
 * them.
 */
async function applyBatch(
  context: WriteContext,
  operations: readonly Operation<EntryResource>[],
): Promise<OperationResult[]> {
  if (operations.length === 0) return []
  const batch = await prepareBatch(context, operations)
  await applyEntries(context, batch.puts)
  await applyRoutes(context, batch.routes)
  await applyEntries(context, batch.deletes)
  return batch.results()
}

const isLink = (operation: Operation<KernelResource>): operation is Operation<LinkResource> =>
  operation.resource.kind === 'link'
const isEntry = (operation: Operation<KernelResource>): operation is Operation<EntryResource> =>
  operation.resource.kind !== 'link'
