import type { ViciEvent } from '../vici/client.js'

/** What charon logs when a peer cannot be talked to, and what to do about it. */
const PROBLEMS: readonly (readonly [said: RegExp, meaning: string])[] = [
  [
    /AUTHENTICATION_FAILED|MAC mismatched|no shared key found/,
    'the peer has another PSK: let both read the same network config, and restart the agent that did not',
  ],
  [
    /NO_PROPOSAL_CHOSEN|no acceptable proposal|no matching proposal/i,
    'the peer accepts none of our proposals: ESPProposal must be the same on both, and their strongSwan must know it',
  ],
  [/TS_UNACCEPTABLE|no acceptable traffic selectors/i, 'the peer holds another subnet than its lease says'],
]

const ESTABLISHED = /^CHILD_SA .* established/

/** An operator may have ended it: what is there is read again. */
export const saysThatSomethingEnded = ({ message: { msg } }: ViciEvent): boolean =>
  typeof msg === 'string' && /^(removed vici|deleting|IKE_SA deleted|closing)/.test(msg)

/** Why connections do not come up, by their names, as charon's log has it. */
export class Problems {
  readonly #byName = new Map<string, string>()
  /** Those that were met once: a peer that has just joined may not know this node yet. */
  readonly #suspected = new Map<string, string>()

  /** True if a connection's problem is new, another one or over. */
  take({ name, message }: ViciEvent): boolean {
    const { 'ikesa-name': connection, msg } = message
    if (name !== 'log' || typeof connection !== 'string' || typeof msg !== 'string') return false
    if (ESTABLISHED.test(msg)) return this.forget(connection)
    const [, meaning] = PROBLEMS.find(([said]) => said.test(msg)) ?? []
    if (meaning === undefined || this.#byName.get(connection) === meaning) return false
    const isSecond = this.#suspected.get(connection) === meaning
    this.#suspected.set(connection, meaning)
    if (isSecond) this.#byName.set(connection, meaning)
    return isSecond
  }

  of(name: string): string | undefined {
    return this.#byName.get(name)
  }

  /** True if it had one. */
  forget(name: string): boolean {
    this.#suspected.delete(name)
    return this.#byName.delete(name)
  }
}
