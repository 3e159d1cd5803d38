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
  readonly #name: string | undefined
  readonly #printed = new Map<string, { readonly written: string; readonly printed: string }>()
  /** By key: what was read or written last. */
  readonly #known = new Map<string, RulesetResource>()

  constructor(holders: readonly RulesetHolder[], name: string | undefined) {
    this.#holders = holders
    this.#name = name
  }

  /** As they were when they were last read or written, by this. */
  get known(): readonly RulesetResource[] {
    return this.#holders.flatMap((holder) => this.#known.get(this.#keyOf(holder)) ?? [])
  }

  /** Reads those of some modes; the others are as known. */
  async read(modes: readonly RulesetMode[], signal?: AbortSignal): Promise<readonly RulesetResource[]> {
    const holders = this.#holders.filter(({ mode }) => modes.includes(mode))
    const texts = await Promise.all(holders.map((holder) => readOrNothing(holder, signal)))
    holders.forEach((holder, i) => {
      this.#keep(holder, this.#asWritten(this.#keyOf(holder), texts[i] ?? ''))
    })
    return this.known
  }

  /** @param text empty to remove it */
  async write(resource: RulesetResource, text: string): Promise<void> {
    const holder = this.#holders.find((one) => this.#keyOf(one) === resource.key)
    if (holder === undefined) {
      const named = this.#name === undefined ? 'no name' : `the name '${this.#name}'`
      throw new OverlayError(
        'INVALID_CONFIG',
        `${resource.key} is not this firewall's, which has ${named}: give trafficRules() and firewall() the same name`,
      )
    }
    await holder.write(text)
    const printed = (await holder.read()) ?? ''
    if (shapeOf(printed) !== shapeOf(text)) {
      this.#keep(holder, printed)
      throw new OverlayError(
        'DRIVER_REFUSED',
        `${resource.key} was written, and is something else now: another program changes it`,
      )
    }
    this.#printed.set(resource.key, { written: text, printed })
    this.#keep(holder, text)
  }

  #keep(holder: RulesetHolder, text: string): void {
    const { mode, family } = holder
    if (text === '') this.#known.delete(this.#keyOf(holder))
    else this.#known.set(this.#keyOf(holder), ruleset(mode, family, text, this.#name))
  }

  #keyOf({ mode, family }: RulesetHolder): string {
    return rulesetKey(mode, family, this.#name)
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

/** What no version prints otherwise: how many lines there are, and what each one has come of a packet. */
const shapeOf = (text: string): string =>
  text
    .split('\n')
    .map((line) => /-j \S+|\b(?:accept|return|masquerade|drop)\b/.exec(line)?.[0] ?? '')
    .join('\n')
