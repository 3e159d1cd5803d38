import { backends, interfaceChoices, openFirewall, openStore, planAgent } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { type Driver, leaseKey, type Operation, type Resource } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'

/** How many lines a terminal shows without --all. */
const MAX_LINES = 60

export async function planCommand(
  { io, page }: Context,
  given: AgentSettings,
  { all }: { readonly all: boolean },
): Promise<void> {
  const onWarning = (text: string): void => io.stderr(`selvedge: ${text}\n`)
  // What an agent writes to a store that has no config, a plan does not.
  const { store: named } = given
  const store = await openStore(named.type === 'local' ? { ...named, networkConfigFile: undefined } : named, {
    onWaiting: (why) => why !== undefined && onWarning(why.message),
    onNodeAddresses: () => {},
    onSecrets: () => {},
    onWarning,
    onDetail: () => {},
  })
  await using _ = store.subnets
  const drivers: Driver[] = []
  try {
    drivers.push(linux({ interface: interfaceChoices(given) }), ...(await openFirewall(given)))
    const services = { store, drivers, backends, clock: io.clock, random: Math.random }
    const plan = await planAgent(given, services, io.signal)
    const { operations, leaseChange, subnetFile, lease, mtu, warnings } = plan
    const isChange = operations.length > 0 || leaseChange !== 'held' || subnetFile !== undefined
    if (page.json) {
      page.document({
        changes: isChange,
        lease: { key: leaseKey(lease), change: leaseChange },
        mtu,
        operations,
        subnetFile: subnetFile && { path: given.subnetFile, ...subnetFile },
        warnings,
      })
    } else {
      if (leaseChange !== 'held') {
        page.text(`${leaseChange === 'new' ? '+' : '~'} lease ${leaseKey(lease)}, in ${store.subnets.name}`, {
          indent: 4,
        })
      }
      const shown = operations.slice(0, all || !page.isTerminal ? undefined : MAX_LINES)
      for (const operation of shown) {
        page.text(lineOf(operation), { indent: 4, style: operation.type === 'put' ? 'green' : 'red' })
      }
      if (shown.length < operations.length) {
        page.text(`  ${operations.length - shown.length} more: --all shows them`)
      }
      if (subnetFile !== undefined) {
        page.text(`${subnetFile.before === undefined ? '+' : '~'} file ${given.subnetFile}`, { indent: 4 })
      }
      for (const warning of warnings) page.text(`? ${warning}`, { indent: 2, style: 'yellow' })
      const puts = operations.filter(({ type }) => type === 'put').length
      page.text(
        isChange
          ? `an agent would write ${puts} entries, and delete ${operations.length - puts}`
          : 'an agent would change nothing',
        { style: 'dim' },
      )
    }
    if (isChange) throw new Ended(EXIT.differs)
  } finally {
    for (const driver of drivers) await driver[Symbol.asyncDispose]()
  }
}

/** `+ route 254 10.244.5.0/24 0 0 device=flannel.1 gateway=10.244.5.0`: its key, and what else it has. */
function lineOf({ type, resource }: Operation): string {
  const { kind: _kind, key, ...fields } = resource as Resource & Readonly<Record<string, unknown>>
  const words = key.split(' ')
  const shown = Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || words.includes(String(value))) return []
    return [`${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`]
  })
  return `${type === 'put' ? '+' : '-'} ${key} ${type === 'put' ? shown.join(' ') : ''}`.trimEnd()
}
