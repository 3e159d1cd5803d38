import { type NetworkConfig, networkConfigJson, type Operation } from '@selvedge/core'
import { type Change, changeOf } from '../plan/changes.js'
import { withoutSecrets } from '../secrets.js'
import type { PlannedChange, PlannedField, PlanPage } from './browser/plan-page.js'

/** So many objects are described, of each type and kind; all are counted. */
const MAX_OF_SORT = 20
/** And so many in all, whatever kinds there are. */
const MAX_CHANGES = 200
const MAX_FIELDS = 40
const MAX_LINES = 60
/** Of one value, in characters. */
const MAX_VALUE = 200

export interface PlanSources {
  /** What the overlay would write now. */
  readonly operations: readonly Operation[]
  readonly config: NetworkConfig
  /** The config in the store, if it is another than the one in force. */
  readonly storedConfig: NetworkConfig | undefined
  /** When the kernel was read, in ms since the epoch. */
  readonly at: number
  readonly lastChange: (key: string) => { readonly at: number; readonly by?: PlannedChange['by'] } | undefined
  /** Takes secrets out of a text. */
  readonly sanitize: (text: string) => string
}

/** What the agent would change now, for people: bounded, and without secrets. */
export function planPage(sources: PlanSources): PlanPage {
  const { operations, config, storedConfig, at, lastChange, sanitize } = sources
  const sorts = new Map<string, Operation[]>()
  for (const operation of operations) {
    const sort = `${typeOf(operation)} ${operation.resource.kind}`
    const others = sorts.get(sort)
    if (others === undefined) sorts.set(sort, [operation])
    else others.push(operation)
  }
  const described = [...sorts.values()].flatMap((sort) => sort.slice(0, MAX_OF_SORT))
  return {
    at,
    counts: [...sorts.values()].flatMap((sort) => {
      const [first] = sort
      return first === undefined
        ? []
        : [{ type: typeOf(first), kind: first.resource.kind, count: sort.length }]
    }),
    changes: described.slice(0, MAX_CHANGES).map((operation) => {
      const changed = lastChange(operation.resource.key)
      return shownChange(changeOf(operation), changed?.by, sanitize)
    }),
    config: storedConfig === undefined ? [] : configFields(config, storedConfig, sanitize),
  }
}

const typeOf = (operation: Operation): Change['type'] =>
  operation.type === 'delete' ? 'delete' : operation.actual === undefined ? 'add' : 'change'

function shownChange(
  { type, kind, text, differences, lines }: Change,
  by: PlannedChange['by'],
  sanitize: (text: string) => string,
): PlannedChange {
  const unshown = Math.max(0, differences.length - MAX_FIELDS) + Math.max(0, lines.length - MAX_LINES)
  return {
    type,
    kind,
    text: sanitize(text),
    fields: differences.slice(0, MAX_FIELDS).map(({ field, before, after }) => ({
      field,
      before: valueText(before, sanitize),
      after: valueText(after, sanitize),
    })),
    lines: lines.slice(0, MAX_LINES).map(sanitize),
    ...(unshown > 0 && { unshown }),
    ...(by && { by: { pid: by.pid, name: by.name } }),
  }
}

/** What the config in the store has otherwise. A secret that has changed is named without its values. */
function configFields(
  inForce: NetworkConfig,
  stored: NetworkConfig,
  sanitize: (text: string) => string,
): readonly PlannedField[] {
  const raw = [flat(networkConfigJson(inForce)), flat(networkConfigJson(stored))] as const
  const shown = [
    flat(withoutSecrets(networkConfigJson(inForce))),
    flat(withoutSecrets(networkConfigJson(stored))),
  ] as const
  const names = [...new Set([...raw[0].keys(), ...raw[1].keys()])]
  return names
    .filter((name) => JSON.stringify(raw[0].get(name)) !== JSON.stringify(raw[1].get(name)))
    .slice(0, MAX_FIELDS)
    .map((field) => ({
      field,
      before: valueText(shown[0].get(field), sanitize),
      after: valueText(shown[1].get(field), sanitize),
    }))
}

function flat(value: unknown, prefix = ''): Map<string, unknown> {
  const found = new Map<string, unknown>()
  if (typeof value !== 'object' || value === null) return found
  for (const [name, item] of Object.entries(value)) {
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
      for (const [inner, each] of flat(item, `${prefix}${name}.`)) found.set(inner, each)
    } else found.set(`${prefix}${name}`, item)
  }
  return found
}

function valueText(value: unknown, sanitize: (text: string) => string): string | undefined {
  if (value === undefined || value === '') return undefined
  const text =
    Array.isArray(value) && value.every((item) => typeof item === 'string') ? value.join(' ') : value
  const written = typeof text === 'object' ? JSON.stringify(text) : String(text)
  return sanitize(written.slice(0, MAX_VALUE))
}
