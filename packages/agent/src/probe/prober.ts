import { randomBytes } from 'node:crypto'
import type { Clock, Random } from '@selvedge/core'
import { type Family, familyOf } from '@selvedge/core/kit'
import { decodeDatagram, encodeDatagram } from './datagram.js'
import type { PathReport } from './path-state.js'
import { ProbeSockets } from './probe-sockets.js'
import { type Dropped, type PathChange, ProbeTable } from './probe-table.js'

export interface ProberOptions {
  readonly clock: Clock
  readonly random: Random
  readonly port: number
  readonly onChanges: (changes: readonly PathChange[]) => void
  /** An address cannot be listened at; it is tried again every few seconds. Called once for each message. */
  readonly onError: (address: string, error: Error) => void
}

const REBIND_MS = 3_000
/** If this process was late by more than this, answers may wait to be read. */
const LATE_MS = 100

/** Datagrams that were received and not used, by the reason. */
export type DroppedProbes = Dropped & { readonly malformed: number }

/** Probes peers, and answers theirs, until disposed of. */
export class Prober implements Disposable {
  readonly #options: ProberOptions
  readonly #table: ProbeTable
  readonly #end = new AbortController()
  readonly #sockets = new Map<Family, ProbeSockets>()
  #own: readonly string[] = []
  #rebindAt = 0
  #malformed = 0
  #lastError: string | undefined

  constructor(options: ProberOptions) {
    this.#options = options
    this.#table = new ProbeTable({
      random: options.random,
      nonce: () => randomBytes(8).readBigUInt64BE(),
    })
    void this.#run()
  }

  /** From now on this node has these addresses, one of a family, and its peers have those. */
  update(own: readonly string[], peers: Iterable<string>): void {
    if (own.join() !== this.#own.join()) {
      this.#own = own
      this.#closeSockets()
      this.#rebindAt = 0
    }
    this.#bind()
    this.#table.setPaths(peers, this.#options.clock.monotonic())
  }

  report(address: string): PathReport | undefined {
    return this.#table.report(address)
  }

  /** How many peers show that this node is cut off: so many fail, and none is reached. Undefined if it is not. */
  get isolatedFrom(): number | undefined {
    return this.#table.isolatedFrom(this.#options.clock.monotonic())
  }

  reports(): Iterable<PathReport> {
    return this.#table.reports()
  }

  /** How often each peer is probed now, in ms: the more peers, the less often. */
  get intervalMs(): number {
    return this.#table.intervalMs
  }

  get dropped(): DroppedProbes {
    return { ...this.#table.dropped, malformed: this.#malformed }
  }

  [Symbol.dispose](): void {
    this.#end.abort()
    this.#closeSockets()
  }

  async #run(): Promise<void> {
    const { clock, onChanges } = this.#options
    const { signal } = this.#end
    let expected = clock.monotonic()
    let hasRead = false
    while (!signal.aborted) {
      const now = clock.monotonic()
      // After a pause of the whole process nothing is judged lost before what has come meanwhile is read: by the next turn,
      // however late that is, or a busy host would probe no more.
      const isLate: boolean = now - expected > LATE_MS && !hasRead
      hasRead = isLate
      if (!isLate) {
        for (const { address, nonce, heardAgeMs, connected } of this.#table.due(now)) {
          const bytes = encodeDatagram({ kind: 'question', nonce, heardAgeMs })
          this.#sockets.get(familyOf(address))?.send(bytes, address, connected)
        }
        const changes = this.#table.takeChanges()
        if (changes.length > 0) onChanges(changes)
        if (this.#sockets.size < this.#own.length) this.#bind()
      }
      const { turnMs } = this.#table
      expected = clock.monotonic() + turnMs
      await clock.sleep(turnMs, { signal }).catch(() => undefined)
    }
  }

  #bind(): void {
    const now = this.#options.clock.monotonic()
    if (now < this.#rebindAt) return
    this.#rebindAt = now + REBIND_MS
    for (const address of this.#own) {
      const family = familyOf(address)
      if (!this.#sockets.has(family)) this.#sockets.set(family, this.#listen(family, address))
    }
  }

  #listen(family: Family, address: string): ProbeSockets {
    const sockets = new ProbeSockets({
      family,
      address,
      port: this.#options.port,
      onMessage: (bytes, from, reply) => {
        const datagram = decodeDatagram(bytes)
        if (datagram === undefined) {
          this.#malformed += 1
          return
        }
        const answer = this.#table.receive(from, datagram, this.#options.clock.monotonic())
        if (answer !== undefined) reply(encodeDatagram(answer))
      },
      onRefused: (from, bytes) => {
        const sent = decodeDatagram(bytes)
        if (sent !== undefined) this.#table.refused(from, sent.nonce, this.#options.clock.monotonic())
      },
      onError: (error) => {
        sockets.close()
        if (this.#sockets.get(family) === sockets) this.#sockets.delete(family)
        if (error.message === this.#lastError) return
        this.#lastError = error.message
        this.#options.onError(address, error)
      },
    })
    return sockets
  }

  #closeSockets(): void {
    for (const sockets of this.#sockets.values()) sockets.close()
    this.#sockets.clear()
  }
}
