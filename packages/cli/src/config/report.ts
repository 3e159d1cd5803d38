import type { Context } from '../context.js'
import type { Difference } from './diff-lines.js'
import type { Effect } from './effects.js'

export function printDifferences({ page }: Context, found: readonly Difference[]): void {
  for (const { key, before, after } of found) {
    if (before !== undefined) page.text(`- ${key} ${before}`, { style: 'red', indent: 4 })
    if (after !== undefined) page.text(`+ ${key} ${after}`, { style: 'green', indent: 4 })
  }
}

export function printEffects(
  { page }: Context,
  effects: readonly Effect[],
  warnings: readonly string[],
): void {
  for (const { severity, message } of effects) {
    page.text(`${severity === 'harm' ? '! ' : '  '}${message}`, {
      indent: 2,
      ...(severity === 'harm' && { style: 'yellow' }),
    })
  }
  for (const warning of warnings) page.text(`? ${warning}`, { indent: 2 })
}
