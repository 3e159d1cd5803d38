import { OverlayError } from '@selvedge/core'
import { type RulesetMode, type RulesetResource, ruleset, rulesetKey } from './resource.js'

/** What reads and writes the ruleset of one mode and family. */
export interface RulesetHolder {
  readonly mode: RulesetMode
  readonly family: RulesetResource['family']
  /** The text of what there is of ours; empty if nothing, undefined if the tool is not installed. */
  read(signal?: AbortSignal): Promise<string | undefined>
  /** Gets from what there is to this text; to nothing if it is empty. */
  write(text: string): Promise<void>
}

/**
 * The rulesets of a host: read as resources, and written. A version of a tool may print a rule otherwise than it was
 * given; what it prints of a text that was just written counts as that text from then on.
 */
export class HeldRulesets {
  readonly #holders: readonly RulesetHolder[]
  readonly #printed = new Map<string, { readonly written: string; readonly printed: string }>()

  constructor(holders: readonly RulesetHolder[]) {
    this.#holders = holders
  }

  async read(signal?: AbortSignal): Promise<readonly RulesetResource[]> {
    const texts = await Promise.all(this.#holders.map((holder) => readOrNothing(holder, signal)))
    return this.#holders.flatMap(({ mode, family }, i) => {
      const text = texts[i] ?? ''
      return text === '' ? [] : [ruleset(mode, family, this.#asWritten(rulesetKey(mode, family), text))]
    })
  }

  /** @param text empty to remove it */
  async write({ mode, family }: Pick<RulesetResource, 'mode' | 'family'>, text: string): Promise<void> {
    const holder = this.#holders.find((one) => one.mode === mode && one.family === family)
    if (holder === undefined)
      throw new OverlayError('INTERNAL', `no firewall holds ${rulesetKey(mode, family)}`)
    await holder.write(text)
    const printed = (await holder.read()) ?? ''
    if (lineCount(printed) !== lineCount(text)) {
      throw new OverlayError(
        'DRIVER_REFUSED',
        `${rulesetKey(mode, family)} was written, and is something else now: another program changes it`,
      )
    }
    this.#printed.set(rulesetKey(mode, family), { written: text, printed })
  }

  #asWritten(key: string, text: string): string {
    const known = this.#printed.get(key)
    return known?.printed === text ? known.written : text
  }
}

/**
 * A kernel without nf_tables, or without IPv6, has nothing to read, and its tools say so in many ways: nothing of ours is
 * there. A ruleset that is desired there is written then, and that fails with what the tool says.
 */
async function readOrNothing(
  holder: RulesetHolder,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    return await holder.read(signal)
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}

const lineCount = (text: string): number => text.split('\n').length
