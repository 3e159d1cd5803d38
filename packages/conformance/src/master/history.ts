import assert from 'node:assert/strict'
import type { MasterHost } from './types.js'

/** What was done in one run, for the error when it fails. */
export class MasterHistory {
  readonly #seed: number
  readonly #moves: string[] = []

  constructor(seed: number) {
    this.#seed = seed
  }

  add(move: string): void {
    this.#moves.push(move)
  }

  /** Runs a command that may be refused; returns whether it was accepted. */
  async runOn(host: MasterHost, line: string): Promise<boolean> {
    const taken = await attempt(host, line)
    this.add(`${line}${taken ? '' : '   # refused'}`)
    return taken
  }

  /** Runs a command that concerns nothing of ours, on a host with us and on its twin: both must give the same answer. */
  async runOnBoth(host: MasterHost, twin: MasterHost, line: string): Promise<void> {
    const taken = await this.runOn(host, line)
    const elsewhere = await attempt(twin, line)
    assert.equal(taken, elsewhere, `'${line}' was ${taken ? 'accepted' : 'refused'}, but not on the twin`)
  }

  failure(cause: unknown): Error {
    const said = cause instanceof Error ? cause.message : String(cause)
    const moves = this.#moves.map((move) => `  ${move}`).join('\n')
    return new Error(`seed ${this.#seed}: ${said}\nafter\n${moves}`, { cause })
  }
}

async function attempt(host: MasterHost, line: string): Promise<boolean> {
  try {
    await host.run(line)
    return true
  } catch (error) {
    // A line that the host does not understand is a mistake of this test's.
    if (error instanceof TypeError) throw error
    return false
  }
}
