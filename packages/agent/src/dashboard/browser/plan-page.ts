/** What the agent answers at `plan`. */
export interface PlanPage {
  /** When the kernel was read, in ms since the epoch. */
  readonly at: number
  /** Of all objects that the agent would add, change or delete now. */
  readonly counts: readonly { readonly type: ChangeType; readonly kind: string; readonly count: number }[]
  /** The first of each type and kind. */
  readonly changes: readonly PlannedChange[]
  /** What a restart would apply: fields of the config in the store that the one in force has otherwise. */
  readonly config: readonly PlannedField[]
}

export type ChangeType = 'add' | 'change' | 'delete'

export interface PlannedChange {
  readonly type: ChangeType
  readonly kind: string
  /** The object, in a line. */
  readonly text: string
  /** Of a change: what it has and what it would get. */
  readonly fields: readonly PlannedField[]
  /** Lines that it loses, after `-`, and gains, after `+`. */
  readonly lines: readonly string[]
  /** How many fields and lines more there are. */
  readonly unshown?: number | undefined
  /** Who changed it last, as far as the agent has seen. */
  readonly by?: { readonly pid: number; readonly name?: string | undefined } | undefined
}

/** A value is absent if there is none. */
export interface PlannedField {
  readonly field: string
  readonly before?: string | undefined
  readonly after?: string | undefined
}

const VERBS: Readonly<Record<ChangeType, string>> = {
  add: 'to add',
  change: 'to change',
  delete: 'to delete',
}

/** `3 to add (2 route, 1 link), 1 to change (1 link)`. */
export function countsText(counts: PlanPage['counts']): string {
  return (['add', 'change', 'delete'] as const)
    .map((type) => {
      const those = counts.filter((each) => each.type === type)
      const total = those.reduce((sum, { count }) => sum + count, 0)
      const kinds = those.map(({ kind, count }) => `${count.toLocaleString('en')} ${kind}`).join(', ')
      return total === 0 ? '' : `${total.toLocaleString('en')} ${VERBS[type]} (${kinds})`
    })
    .filter((text) => text !== '')
    .join(', ')
}
