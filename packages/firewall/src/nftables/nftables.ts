import type { Family } from '@selvedge/core/kit'
import { type CommandOutput, runCommand } from '../command.js'
import { nftablesCounts, type RuleCount } from '../counters.js'
import type { RulesetHolder } from '../held-rulesets.js'
import { missingTool, refusal } from '../refusal.js'
import { FULLY_RANDOM, nftablesTable } from '../rules/nftables-text.js'
import { unnamedFile } from '../unnamed-file.js'
import { replacingCommands } from './json-commands.js'

export interface NftablesOptions {
  readonly family: Family
  readonly namespace: string | undefined
  /** What tells its table from flannel's own; that if undefined. */
  readonly name?: string | undefined
}

/** Reads and writes the ruleset of one family by nft. */
export class Nftables implements RulesetHolder {
  readonly mode = 'nftables'
  readonly family: Family
  readonly #options: NftablesOptions
  readonly #table: string
  #canFullyRandom: boolean | undefined

  constructor(options: NftablesOptions) {
    this.family = options.family
    this.#options = options
    this.#table = nftablesTable(options.family, options.name)
  }

  /** What there is of ours: the text of a ruleset resource; undefined if nft is not installed. */
  async read(signal?: AbortSignal): Promise<string | undefined> {
    const listed = await this.#list(signal)
    return listed && this.#normalized(listed.replace(/counter packets \d+ bytes \d+/g, 'counter'))
  }

  /** What each of our rules has met. */
  async counts(): Promise<readonly RuleCount[]> {
    return nftablesCounts(this.family, (await this.#list()) ?? '')
  }

  /**
   * Puts a ruleset's text in place of what there is; removes it if it is empty. One transaction: no packet meets half
   * of it. One that is there already is not written again, which would set its counts to 0.
   */
  async write(desired: string): Promise<void> {
    if ((await this.read()) === desired) return
    const plain = desired.replaceAll(` ${FULLY_RANDOM}`, '')
    let output = await this.#replace(this.#canFullyRandom === false ? plain : desired)
    // Only a write that fails is worth asking whether this is why.
    if (output.status !== 0 && plain !== desired && !(await this.#hasFullyRandom()))
      output = await this.#replace(plain)
    if (output.status !== 0) throw refusal(`writing table ${this.#table} by nft`, output)
  }

  async #replace(text: string): Promise<CommandOutput> {
    await using input = await unnamedFile(replacingCommands(this.#table, text))
    const output = await this.#run(['-j', '-f', '-'], { inputFile: input.fd })
    if (output === undefined) throw missingTool('nft', 'nftables')
    return output
  }

  /** The table as nft lists it, counts included; empty if there is none, undefined if nft is not installed. */
  async #list(signal?: AbortSignal): Promise<string | undefined> {
    const output = await this.#run([`list table ${this.#table}`], { signal })
    if (output === undefined) return undefined
    if (output.status === 0) return output.stdout
    if (output.stderr.includes('No such file or directory')) return ''
    throw refusal(`listing table ${this.#table} by nft`, output)
  }

  /** As with iptables: what is desired does not depend on what is installed. */
  async #normalized(text: string): Promise<string> {
    if (!/ masquerade$/m.test(text) || (await this.#hasFullyRandom())) return text
    return text.replace(/ masquerade$/gm, ` masquerade ${FULLY_RANDOM}`)
  }

  /** Whether nft and the kernel take it: asked of them once, changing nothing. */
  async #hasFullyRandom(): Promise<boolean> {
    this.#canFullyRandom ??= await this.#probeFullyRandom()
    return this.#canFullyRandom
  }

  async #probeFullyRandom(): Promise<boolean> {
    const probe = (flags: string): string =>
      `table ${this.#table}-probe { chain c { type nat hook postrouting priority srcnat; masquerade${flags}; }; }`
    const output = await this.#run(['--check', probe(` ${FULLY_RANDOM}`)])
    if (output === undefined) throw missingTool('nft', 'nftables')
    if (output.status === 0) return true
    // If it takes no masquerading at all, writing says why.
    return (await this.#run(['--check', probe('')]))?.status !== 0
  }

  /** nft opens its standard input by a path, which a pipe of Node.js does not have: it is given a file. */
  #run(
    args: readonly string[],
    options: { inputFile?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<CommandOutput | undefined> {
    const { namespace } = this.#options
    return runCommand({ program: 'nft', args, namespace, ...options })
  }
}
