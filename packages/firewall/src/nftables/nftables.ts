import type { Family } from '@selvedge/core/kit'
import { runCommand } from '../command.js'
import type { RulesetHolder } from '../held-rulesets.js'
import { missingTool, refusal } from '../refusal.js'
import { nftablesTable } from '../rules/nftables-text.js'

export interface NftablesOptions {
  readonly family: Family
  readonly namespace: string | undefined
}

/** Reads and writes the ruleset of one family by nft. */
export class Nftables implements RulesetHolder {
  readonly mode = 'nftables'
  readonly family: Family
  readonly #options: NftablesOptions

  constructor(options: NftablesOptions) {
    this.family = options.family
    this.#options = options
  }

  /** The table as nft lists it, counts included; empty if there is none, undefined if nft is not installed. */
  async list(signal?: AbortSignal): Promise<string | undefined> {
    const output = await this.#run(`list table ${this.#table}`, signal)
    if (output === undefined) return undefined
    if (output.status === 0) return output.stdout
    if (output.stderr.includes('No such file or directory')) return ''
    throw refusal(`listing table ${this.#table} by nft`, output)
  }

  /** The same without counts: the text of a ruleset resource. */
  async read(signal?: AbortSignal): Promise<string | undefined> {
    return (await this.list(signal))?.replace(/counter packets \d+ bytes \d+/g, 'counter')
  }

  /**
   * Puts a ruleset's text in place of what there is; removes it if it is empty. One transaction: no packet meets half
   * of it. The table is added first, so that deleting it cannot fail.
   */
  async write(desired: string): Promise<void> {
    const output = await this.#run(`add table ${this.#table}\ndelete table ${this.#table}\n${desired}`)
    if (output === undefined) throw missingTool('nft', 'nftables')
    if (output.status !== 0) throw refusal(`writing table ${this.#table} by nft`, output)
  }

  get #table(): string {
    return nftablesTable(this.#options.family)
  }

  /** As an argument: nft reads its standard input by a path, which a pipe of Node.js does not have. */
  #run(commands: string, signal?: AbortSignal) {
    const { namespace } = this.#options
    return runCommand({ program: 'nft', args: [commands], namespace, signal })
  }
}
