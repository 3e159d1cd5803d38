import { randomBytes } from 'node:crypto'
import type { Clock, Random } from '@selvedge/core'
import { type Family, familyOf } from '@selvedge/core/kit'
import { decodeDatagram, encodeDatagram } from './datagram.js'
import type { PathReport } from './path-state.js'
import { ProbeSockets } from './probe-sockets.js'
import { type Dropped, type PathChange, ProbeTable } from './probe-table.js'
import { decodeRowDatagram, encodeRowAnswer, encodeRowQuestion, type RowDatagram } from './row-datagram.js'
import { type PeerRow, RowExchange } from './row-exchange.js'

/** What a `Prober` works with. */
export interface ProberOptions {
  /** Times probes and their answers. */
  readonly clock: Clock
  /** Spreads the first probes over time. */
  readonly random: Random
  /** The UDP port of all probers, 1 to 65535. */
  readonly port: number
  /** Called with the paths whose report has changed, several at a time. */
  readonly onChanges: (changes: readonly PathChange[]) => void
  /** An address cannot be listened at; it is tried again every few seconds. Called once for each message. */
  readonly onError: (address: string, error: Error) => void
}

const REBIND_MS = 3_000
/** If this process was late by more than this, answers may wait to be read. */
const LATE_MS = 100

/** Datagrams that were received and not used, by the reason. */
export type DroppedProbes = Dropped & {
  /** Datagrams that are not of this protocol. */
  readonly malformed: number
}

/** Probes peers, and answers theirs, until disposed of. */
export class Prober implements Disposable {
  readonly #options: ProberOptions
  readonly #table: ProbeTable
  readonly #rows: RowExchange
  readonly #end = new AbortController()
  readonly #sockets = new Map<Family, ProbeSockets>()
  #own: readonly string[] = []
  #rebindAt = 0
  /** Besides those of the table. */
  readonly #dropped = { 'unknown-source': 0, unexpected: 0, 'too-many': 0, malformed: 0 }
  #lastError: string | undefined

  constructor(options: ProberOptions) {
    this.#options = options
    const nonce = () => randomBytes(8).readBigUInt64BE()
    this.#table = new ProbeTable({ random: options.random, nonce })
    this.#rows = new RowExchange({ nonce, paths: () => this.#table.found() })
    void this.#run()
  }

  /**
   * From now on this node has these addresses, one of a family, and its peers have those.
   *
   * @param rowsFrom where to ask for rows, an address of each peer; default: all of theirs
   */
  update(own: readonly string[], peers: Iterable<string>, rowsFrom?: readonly string[]): void {
    const addresses = [...peers]
    if (own.join() !== this.#own.join()) {
      this.#own = own
      this.#closeSockets()
      this.#rebindAt = 0
    }
    this.#bind()
    this.#table.setPaths(addresses, this.#options.clock.monotonic())
    this.#rows.setPeers(rowsFrom ?? addresses)
  }

  /** What is known of the peer at this address; undefined if it is not probed. */
  report(address: string): PathReport | undefined {
    return this.#table.report(address)
  }

  /** How many peers show that this node is cut off: so many fail, and none is reached. Undefined if it is not. */
  get isolatedFrom(): number | undefined {
    return this.#table.isolatedFrom(this.#options.clock.monotonic())
  }

  /** Of every peer that is probed. */
  reports(): Iterable<PathReport> {
    return this.#table.reports()
  }

  /** How often each peer is probed now, in ms: the more peers, the less often. */
  get intervalMs(): number {
    return this.#table.intervalMs
  }

  /** Since the prober was made. */
  get dropped(): DroppedProbes {
    const [table, own] = [this.#table.dropped, this.#dropped]
    return {
      'unknown-source': table['unknown-source'] + own['unknown-source'],
      unexpected: table.unexpected + own.unexpected,
      'too-many': table['too-many'] + own['too-many'],
      malformed: own.malformed,
    }
  }

  /** For the next seconds peers are asked what they have found, at most 32 a second. */
  wantRows(): void {
    this.#rows.want(this.#options.clock.monotonic())
  }

  /** What a peer has said that it has found, if it was asked and has answered. */
  rowOf(address: string): PeerRow | undefined {
    return this.#rows.row(address)
  }

  /** How often each of its peers is asked for its row, in ms. */
  get rowIntervalMs(): number {
    return this.#rows.intervalMs
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
        for (const { address, nonce } of this.#rows.due(now)) {
          this.#sockets.get(familyOf(address))?.send(encodeRowQuestion(nonce), address, false)
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
        const row = decodeRowDatagram(bytes)
        if (row !== undefined) return this.#onRow(row, from, reply)
        const datagram = decodeDatagram(bytes)
        if (datagram === undefined) {
          this.#dropped.malformed += 1
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

  #onRow(datagram: RowDatagram, from: string, reply: (bytes: Buffer) => void): void {
    const now = this.#options.clock.monotonic()
    if (this.#table.report(from) === undefined) {
      this.#dropped['unknown-source'] += 1
    } else if (datagram.kind === 'row-answer') {
      if (!this.#rows.receive(from, datagram.nonce, datagram.row, now)) this.#dropped.unexpected += 1
    } else {
      const row = this.#rows.answer(from, now)
      if (row === undefined) this.#dropped['too-many'] += 1
      else reply(encodeRowAnswer(datagram.nonce, row, datagram.answerBytes))
    }
  }

  #closeSockets(): void {
    for (const sockets of this.#sockets.values()) sockets.close()
    this.#sockets.clear()
  }
}
