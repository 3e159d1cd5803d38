import { leaseKey, type Operation, type Resource, type UnmarkedRival } from '@selvedge/core'
import { isRoute, type LinkResource, printable, type RouteResource } from '@selvedge/core/kit'
import { recreatesLink } from '@selvedge/dataplane-linux'
import { resourceWithoutSecrets } from '../secrets.js'
import { describeResource } from './describe-resource.js'
import type { AgentPlan } from './plan-agent.js'

/** One object that an agent would add, change or delete. */
export interface Change {
  /** What would happen to the object. */
  readonly type: 'add' | 'change' | 'delete'
  /** `lease`, `file`, or a resource's. */
  readonly kind: string
  /** In a line. */
  readonly text: string
  /** Of a change: what differs. */
  readonly differences: readonly Difference[]
  /** Lines that the object loses, after `-`, and gains, after `+`; all of it if it is added or deleted. */
  readonly lines: readonly string[]
}

/** One field that has another value. Settings of a link are fields as well: `settings.port`. */
export interface Difference {
  /** Its name; of a record, by the store's own name for it. */
  readonly field: string
  /** Absent if the object has no such field. */
  readonly before?: unknown
  /** Absent if it would be removed. */
  readonly after?: unknown
}

/** Everything that an agent would change, in the order in which it would. */
export function changesOf(plan: AgentPlan, subnetFile: string): readonly Change[] {
  const { lease, leaseChange, recordChanges, conditionChange, operations } = plan
  const record = recordChanges.map(({ name, ...values }) => ({ field: name, ...values }))
  return [
    ...(leaseChange === 'held'
      ? []
      : [
          {
            type: leaseChange === 'new' ? ('add' as const) : ('change' as const),
            kind: 'lease',
            text: `${leaseKey(lease)} in ${plan.storeName}`,
            differences: record,
            lines: [],
          },
        ]),
    ...operations.map((operation) => changeOf(operation, plan.rivals.get(operation.resource.key))),
    ...(plan.subnetFile === undefined ? [] : [fileChange(subnetFile, plan.subnetFile)]),
    ...(conditionChange === undefined
      ? []
      : [
          {
            type: 'change' as const,
            kind: 'condition',
            text: 'of this node',
            differences: [
              {
                field: conditionChange.name,
                before: conditionChange.before,
                after: conditionChange.after,
              },
            ],
            lines: [],
          },
        ]),
  ]
}

/** An operation for programs: both values, and what differs. */
export function operationPage(operation: Operation, rival: UnmarkedRival | undefined) {
  const { type, resource } = operation
  if (type === 'delete') return { type, resource: resourceWithoutSecrets(resource) }
  if (rival !== undefined) {
    const { route, isAdopted } = rival
    return { type, resource, actual: route, differences: differencesOf(route, resource), adopted: isAdopted }
  }
  const { actual } = operation
  return {
    type,
    resource: resourceWithoutSecrets(resource),
    ...(actual !== undefined && {
      actual: resourceWithoutSecrets(actual),
      differences: differencesOf(actual, resource),
      ...(isRecreated(actual, resource) && { recreated: true }),
    }),
  }
}

/** No overlay's routes have it: `boot`, as `ip route` names it. */
const PROTOCOL: Difference = { field: 'protocol', before: 'boot', after: 'an overlay’s own' }

/** One operation for people. @param rival the route of another program that is in its way, if any */
export function changeOf(operation: Operation, rival?: UnmarkedRival): Change {
  const { type, resource } = operation
  const { kind } = resource
  if (type === 'delete') {
    return { type: 'delete', kind, text: textOf(resource), differences: [], lines: linesOf(resource, '-') }
  }
  if (rival !== undefined) {
    const { route, isAdopted } = rival
    const refused = isAdopted ? '' : ', refused: the one that is there is another program’s, and stays'
    return {
      type: 'change',
      kind,
      text: `${nameOf(resource)}${refused}`,
      differences: [...differencesOf(route, resource), PROTOCOL],
      lines: [],
    }
  }
  const { actual } = operation
  if (actual === undefined) {
    return { type: 'add', kind, text: textOf(resource), differences: [], lines: linesOf(resource, '+') }
  }
  const differences = differencesOf(actual, resource)
  const recreated = isRecreated(actual, resource) ? ', recreated with all that leads over it' : ''
  return {
    type: 'change',
    kind,
    text: `${nameOf(resource)}${recreated}`,
    differences: differences.filter(({ field }) => field !== 'text'),
    lines: differences.some(({ field }) => field === 'text') ? changedLines(actual, resource) : [],
  }
}

function fileChange(path: string, { before, after }: NonNullable<AgentPlan['subnetFile']>): Change {
  const [was, is] = [variablesOf(before ?? ''), variablesOf(after)]
  const differences = [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((name) => was[name] !== is[name])
    .map((field) => ({ field, before: was[field], after: is[field] }))
  return {
    type: before === undefined ? 'add' : 'change',
    kind: 'file',
    text: path,
    differences,
    lines: before !== undefined && differences.length === 0 ? ['+ its lines in another order or form'] : [],
  }
}

const variablesOf = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const [name = '', ...rest] = line.split('=')
        return [name, rest.join('=')]
      }),
  )

/** What of the desired resource the actual one has another value of. What the former leaves open is not compared. */
export function differencesOf(actual: Resource, desired: Resource): readonly Difference[] {
  const [was, is] = [flat(resourceWithoutSecrets(actual)), flat(resourceWithoutSecrets(desired))]
  const raw = [flat(actual), flat(desired)]
  return [...is.keys()].flatMap((field) =>
    isSame(raw[0]?.get(field), raw[1]?.get(field))
      ? []
      : [{ field, before: was.get(field), after: is.get(field) }],
  )
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

function flat(value: object, prefix = ''): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [name, item] of Object.entries(value)) {
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
      for (const [inner, each] of flat(item, `${prefix}${name}.`)) found.set(inner, each)
    } else found.set(`${prefix}${name}`, item)
  }
  return found
}

const isLink = (resource: Resource): resource is LinkResource => resource.kind === 'link'

const isRecreated = (actual: Resource, desired: Resource): boolean =>
  isLink(actual) && isLink(desired) && recreatesLink(actual, desired)

/** What it is known by: its key, and that of a route as `ip route` would name it. */
function nameOf(resource: Resource): string {
  const { kind, key } = resource
  if (!isRoute(resource)) return withoutKind(kind, key)
  const { destination, table, metric } = resource
  const named: Pick<RouteResource, 'destination' | 'table' | 'metric'> & Resource = {
    kind,
    key,
    destination,
    table,
    metric,
  }
  return describeResource(named)
}

/** A key begins with its kind. */
const withoutKind = (kind: string, text: string): string =>
  printable(text.startsWith(`${kind} `) ? text.slice(kind.length + 1) : text, 400)

function textOf(resource: Resource): string {
  const { kind } = resource
  const text: unknown = Reflect.get(resource, 'text')
  if (kind === 'ruleset' && typeof text === 'string')
    return `${nameOf(resource)}, ${nonEmpty(text).length} lines`
  return withoutKind(kind, describeResource(resourceWithoutSecrets(resource)))
}

const linesOf = (resource: Resource, sign: '+' | '-'): readonly string[] =>
  resource.kind === 'ruleset' ? nonEmpty(Reflect.get(resource, 'text')).map((line) => `${sign} ${line}`) : []

/** Of two texts, what only one of them has. */
function changedLines(actual: Resource, desired: Resource): readonly string[] {
  const [was, is] = [nonEmpty(Reflect.get(actual, 'text')), nonEmpty(Reflect.get(desired, 'text'))]
  const lost = without(was, is).map((line) => `- ${line}`)
  const gained = without(is, was).map((line) => `+ ${line}`)
  return lost.length + gained.length > 0 ? [...lost, ...gained] : ['+ its lines in another order']
}

/** What is left of `lines` if each of `others` takes one of the same text away. */
function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1)
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0
    counts.set(line, count - 1)
    return count <= 0
  })
}

const nonEmpty = (text: unknown): readonly string[] =>
  String(text)
    .split('\n')
    .map((line) => printable(line.trim(), 400))
    .filter((line) => line !== '')
