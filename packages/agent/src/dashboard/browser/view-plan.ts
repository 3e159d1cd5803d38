import { programText } from './causes.js'
import { byId, type Child, el, setText, table } from './dom.js'
import type { Feed } from './feed.js'
import { PlanAsks } from './plan-asks.js'
import { countsText, type PlannedChange, type PlannedField, type PlanPage } from './plan-page.js'
import { agoText, countText, numberText } from './texts.js'

/** What the agent would change now, asked for when something may have changed. */
export class PlanPanel {
  readonly #onAnswer: () => void
  readonly #asks = new PlanAsks()
  #isUnderway = false
  #plan: PlanPage | undefined
  #shown: string | undefined
  #isFailing = false

  /** @param onAnswer called when it has to be rendered again */
  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer
    byId('plan-again').addEventListener('click', () => {
      this.#asks.want()
      onAnswer()
    })
  }

  render(feed: Feed, now: number): void {
    if (!this.#isUnderway && document.visibilityState === 'visible' && this.#asks.isDue(feed, now)) {
      void this.#ask()
    }
    setText(byId('plan-summary'), this.#summary(feed))
    setText(
      byId('plan-age'),
      this.#plan === undefined ? '' : `The kernel was read ${agoText(this.#plan.at, now)}.`,
    )
    // Drawn only when it is another: whoever reads or selects in it is not disturbed.
    const key = JSON.stringify([
      feed.summary.kernel,
      feed.summary.configDifferences,
      feed.summary.configProblem,
      this.#plan?.changes,
      this.#plan?.config,
    ])
    if (key === this.#shown) return
    this.#shown = key
    byId('plan').replaceChildren(...planParts(feed, this.#plan))
  }

  #summary({ summary: { kernel, node } }: Feed): string {
    if (node === undefined) return 'There is none before this node has a lease.'
    const plan = this.#plan
    if (this.#isFailing && plan === undefined)
      return 'The agent could not look at its kernel; it is asked again.'
    if (plan === undefined) return 'Asking the agent.'
    if (plan.counts.length > 0) return `${countsText(plan.counts)}.`
    return `Nothing to change: the kernel holds all ${numberText(kernel.desired)} entries, and nothing else of the overlay’s.`
  }

  async #ask(): Promise<void> {
    this.#isUnderway = true
    try {
      const answer = await fetch('plan', { cache: 'no-store' })
      this.#isFailing = !answer.ok
      this.#plan = answer.ok ? await answer.json() : undefined
    } catch {
      this.#isFailing = true
    } finally {
      this.#isUnderway = false
      this.#onAnswer()
    }
  }
}

function planParts({ summary }: Feed, plan: PlanPage | undefined): Child[] {
  const { kernel, configDifferences, configProblem } = summary
  const { desired, failed, failures } = kernel
  const parts: Child[] = []
  if (plan !== undefined && plan.changes.length > 0) {
    const total = plan.counts.reduce((sum, { count }) => sum + count, 0)
    const rest = total - plan.changes.length
    parts.push(
      el(
        'ul',
        { class: 'plan', 'aria-label': 'What the agent would change now' },
        ...plan.changes.map(changeItem),
      ),
      ...(rest > 0 ? [el('p', { class: 'muted' }, `And ${numberText(rest)} more of the same kinds.`)] : []),
    )
  }
  if (failed > 0) {
    parts.push(
      el('h3', {}, `${countText(failed, 'entry', 'entries')} of ${numberText(desired)} cannot be written`),
      table(
        ['Entry', 'Answer'],
        failures.map(({ key, message }) => [key, message]),
        'Entries that cannot be written',
        [0, 1],
      ),
    )
  }
  if (configProblem !== undefined) {
    parts.push(
      el('h3', {}, 'The config in the store is not valid; the one in force stays'),
      el('p', { class: 'entry' }, configProblem),
    )
  } else if (configDifferences.length > 0) {
    const fields = plan?.config ?? []
    parts.push(
      el('h3', {}, 'The config in the store differs; a restart of the agent applies'),
      fields.length > 0
        ? fieldList(fields)
        : el('ul', {}, ...configDifferences.map((text) => el('li', { class: 'entry' }, text))),
    )
  }
  return parts
}

function changeItem({ type, kind, text, fields, lines, unshown = 0, by }: PlannedChange): HTMLElement {
  return el(
    'li',
    { class: `planned ${type}` },
    el('span', { class: 'sign' }, type),
    el(
      'div',
      {},
      el('p', { class: 'entry' }, `${kind} ${text}`),
      ...(fields.length > 0 ? [fieldList(fields)] : []),
      ...lines.map((line) => el('p', { class: 'entry' }, line)),
      ...(unshown > 0 ? [el('p', { class: 'muted' }, `and ${numberText(unshown)} more`)] : []),
      ...(by === undefined ? [] : [el('p', { class: 'muted' }, `last changed by ${programText(by)}`)]),
    ),
  )
}

function fieldList(fields: readonly PlannedField[]): HTMLElement {
  return el(
    'dl',
    { class: 'fields' },
    ...fields.flatMap(({ field, before = '(none)', after = '(none)' }) => [
      el('dt', {}, field),
      el('dd', { class: 'entry' }, el('del', {}, before), ' → ', el('ins', {}, after)),
    ]),
  )
}
