import { changesOf, operationPage, planAgent } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { leaseKey } from '@selvedge/core'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { gatheredOnce } from '../gathered-once.js'
import { planServices } from './services.js'
import { showChanges, summaryOf } from './show.js'

export async function planCommand(
  { io, page }: Context,
  given: AgentSettings,
  { all }: { readonly all: boolean },
): Promise<void> {
  const onWarning = (text: string): void => io.stderr(`selvedge: ${text}\n`)
  const plan = await gatheredOnce(io, 'plan', () => planAgent(given, planServices(io, onWarning), io.signal))
  const { operations, leaseChange, recordChanges, conditionChange, subnetFile, lease } = plan
  const { mtu, unknown, warnings } = plan
  const changes = changesOf(plan, given.subnetFile)
  if (page.json) {
    page.document({
      changes: changes.length > 0,
      lease: { key: leaseKey(lease), change: leaseChange, record: recordChanges },
      condition: conditionChange,
      mtu,
      operations: operations.map((each) => operationPage(each, plan.rivals.get(each.resource.key))),
      subnetFile: subnetFile && { path: given.subnetFile, ...subnetFile },
      unknown,
      warnings,
    })
  } else {
    showChanges(page, changes, { all })
    for (const fact of unknown) page.text(`? not known before a start: ${fact}`, { indent: 2, style: 'dim' })
    for (const warning of warnings) page.text(`! ${warning}`, { indent: 2, style: 'yellow' })
    page.text(changes.length > 0 ? summaryOf(changes) : 'an agent would change nothing', { style: 'bold' })
  }
  if (changes.length > 0) throw new Ended(EXIT.differs)
}
