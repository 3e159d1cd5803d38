import { OverlayError } from '@selvedge/core'
import type { Family } from '@selvedge/core/kit'
import { type CommandOutput, runCommand } from '../command.js'
import { iptablesCounts, type RuleCount } from '../counters.js'
import type { RulesetHolder } from '../held-rulesets.js'
import { missingTool, refusal } from '../refusal.js'
import { type IptablesChain, iptablesChains, RANDOM_FULLY } from '../rules/iptables-text.js'
import { lockHolder } from './lock-holder.js'
import { parseSaved, savedText, unreadableTable } from './saved-rules.js'
import { transaction } from './transaction.js'

export interface IptablesOptions {
  readonly family: Family
  readonly namespace: string | undefined
  /** Which of the two implementations; the one that the system calls `iptables` if undefined. */
  readonly variant?: IptablesVariant | undefined
  /** What tells its chains from flannel's own; those if undefined. */
  readonly name?: string | undefined
}

/** Rules of one are not seen by the other. */
export type IptablesVariant = 'nft' | 'legacy'

/** In seconds. The legacy variant has one lock for all its programs. */
const LOCK_WAIT = '5'
/** RESOURCE_PROBLEM of iptables/xshared.h. */
const LOCKED = 4

/** Reads and writes the ruleset of one family by iptables' programs. */
export class Iptables implements RulesetHolder {
  readonly mode = 'iptables'
  readonly family: Family
  readonly #options: IptablesOptions
  readonly #chains: readonly IptablesChain[]
  #canRandomFully: boolean | undefined

  constructor(options: IptablesOptions) {
    this.family = options.family
    this.#options = options
    this.#chains = iptablesChains(options.name)
  }

  /** What there is of ours; undefined if iptables is not installed, so that there is nothing. */
  async read(signal?: AbortSignal): Promise<string | undefined> {
    const saved = await this.save([], signal)
    return saved === undefined ? undefined : this.#normalized(savedText(parseSaved(saved, this.#chains)))
  }

  /** All rules, as `iptables-save` prints them; undefined if it is not installed. */
  async save(args: readonly string[] = [], signal?: AbortSignal): Promise<string | undefined> {
    const output = await this.#run('-save', args, { signal })
    if (output === undefined) return undefined
    if (output.status !== 0) throw refusal(`reading rules by ${this.#program('-save')}`, output)
    return output.stdout
  }

  /** Gets from what there is to a ruleset's text; none if it is empty. */
  async write(desired: string): Promise<void> {
    const saved = await this.save()
    if (saved === undefined) throw missingTool(this.#program('-save'), 'iptables')
    const unreadable = unreadableTable(saved, desired)
    if (unreadable !== undefined) throw this.#unreadable(unreadable)
    const plain = desired.replaceAll(` ${RANDOM_FULLY}`, '')
    let output = await this.#change(saved, this.#canRandomFully === false ? plain : desired)
    // Only a write that fails is worth asking whether this is why.
    const isSuspect = output !== 'none' && ![0, LOCKED].includes(output.status ?? 0) && plain !== desired
    if (isSuspect && !(await this.#hasRandomFully())) output = await this.#change(saved, plain)
    if (output !== 'none' && output.status !== 0) throw await this.#refusal(output)
  }

  /** What became of it; `none` if there was nothing to change. */
  async #change(saved: string, text: string): Promise<CommandOutput | 'none'> {
    const input = transaction(saved, text, this.#chains)
    if (input === '') return 'none'
    const output = await this.#run('-restore', ['--noflush', '--wait', LOCK_WAIT], { input })
    if (output === undefined) throw missingTool(this.#program('-restore'), 'iptables')
    return output
  }

  /** What each of our rules has met. */
  async counts(): Promise<readonly RuleCount[]> {
    return iptablesCounts(this.family, (await this.save(['-c'])) ?? '', this.#chains)
  }

  /** Which implementation it is; undefined if it is not installed. */
  async variant(): Promise<IptablesVariant | undefined> {
    if (this.#options.variant !== undefined) return this.#options.variant
    const output = await this.#run('', ['--version'])
    return output === undefined ? undefined : variantOf(output.stdout)
  }

  async #refusal(output: CommandOutput): Promise<OverlayError> {
    const attempted = `writing rules by ${this.#program('-restore')}`
    // One that cannot be opened, as in a container whose files are read-only, is not held by anyone.
    const isHeld = output.stderr.includes('lock') && !output.stderr.includes("can't open lock")
    if (output.status !== LOCKED || !isHeld) return refusal(attempted, output)
    const holder = (await lockHolder()) ?? 'another program'
    return new OverlayError(
      'DRIVER_REFUSED',
      `${attempted}: ${holder} has held the lock of iptables for over ${LOCK_WAIT} s. It is tried again; look for what that waits for`,
    )
  }

  #unreadable(table: string): OverlayError {
    const listed = `${this.family === 4 ? 'ip' : 'ip6'} ${table}`
    return new OverlayError(
      'RESOURCE_CONFLICT',
      `writing rules by ${this.#program('-restore')}: table ${listed} holds rules of nft that iptables cannot read. Move them ` +
        `to a table of another name (nft list table ${listed}), or set EnableNFTables in the network config`,
    )
  }

  /**
   * What was written without it counts as written with it, if this iptables cannot do otherwise: what is desired does not
   * depend on what is installed.
   */
  async #normalized(text: string): Promise<string> {
    if (!text.includes('-j MASQUERADE') || text.includes(RANDOM_FULLY)) return text
    if (await this.#hasRandomFully()) return text
    return text.replace(/-j MASQUERADE$/gm, `-j MASQUERADE ${RANDOM_FULLY}`)
  }

  /** Whether iptables and the kernel take it: asked of them once, changing nothing. */
  async #hasRandomFully(): Promise<boolean> {
    this.#canRandomFully ??= await this.#probeRandomFully()
    return this.#canRandomFully
  }

  async #probeRandomFully(): Promise<boolean> {
    const output = await this.#run('-restore', ['--test', '--noflush', '--wait', LOCK_WAIT], {
      input: `*nat\n-A POSTROUTING -j MASQUERADE ${RANDOM_FULLY}\nCOMMIT\n`,
    })
    if (output === undefined) throw missingTool(this.#program('-restore'), 'iptables')
    // Even a test takes the lock. One that waited in vain has found out nothing.
    if (output.status === LOCKED) throw await this.#refusal(output)
    return output.status === 0
  }

  #run(
    suffix: string,
    args: readonly string[],
    { input, signal }: { input?: string; signal?: AbortSignal | undefined } = {},
  ): Promise<CommandOutput | undefined> {
    const { namespace } = this.#options
    return runCommand({ program: this.#program(suffix), args, namespace, input, signal })
  }

  #program(suffix: string): string {
    const { family, variant } = this.#options
    return `${family === 4 ? 'iptables' : 'ip6tables'}${variant === undefined ? '' : `-${variant}`}${suffix}`
  }
}

/** Of the output of `iptables --version`. Before 1.8 it does not say: there was the legacy one alone. */
export const variantOf = (version: string): IptablesVariant =>
  version.includes('(nf_tables)') ? 'nft' : 'legacy'
