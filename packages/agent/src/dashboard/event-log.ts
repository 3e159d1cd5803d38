import type { SnapshotEvent } from './browser/feed.js'
import { type ComparedSnapshot, changeBetween, compared } from './feed-source.js'

/** Changes kept for clients that come back, and those that fall behind: older ones get everything again. */
const MAX_EVENTS = 64
const MAX_BYTES = 4 << 20

interface Recorded {
  readonly number: number
  readonly text: string
}

/** The states that were, as numbered server-sent events. */
export class EventLog {
  /** Of this process: numbers of another mean nothing here. */
  readonly #epoch: string
  #number = 0
  #latest: { readonly snapshot: SnapshotEvent; readonly compared: ComparedSnapshot } | undefined
  #changes: readonly Recorded[] = []
  #snapshotText: Recorded | undefined

  constructor(epoch: string) {
    this.#epoch = epoch
  }

  /** The number of the present state; 0 before there is one. */
  get number(): number {
    return this.#number
  }

  /** Records the present state, if it is another. */
  record(snapshot: SnapshotEvent): void {
    const next = { snapshot, compared: compared(snapshot) }
    const before = this.#latest
    if (before !== undefined) {
      const change = changeBetween(before.compared, next.compared, snapshot)
      if (change === undefined) return
      this.#number += 1
      const recorded = { number: this.#number, text: this.#event('change', this.#number, change) }
      this.#changes = withinBounds([...this.#changes, recorded])
    } else {
      this.#number = 1
    }
    this.#latest = next
    this.#snapshotText = undefined
  }

  /** What brings a client from the state of that number, or from none, to the present one; empty if it is there. */
  since(number: number | undefined): string {
    if (number === this.#number) return ''
    const missed = this.#changes.filter((change) => number !== undefined && change.number > number)
    if (number !== undefined && missed[0]?.number === number + 1)
      return missed.map(({ text }) => text).join('')
    if (this.#latest === undefined) return ''
    if (this.#snapshotText === undefined) {
      const text = this.#event('snapshot', this.#number, this.#latest.snapshot)
      this.#snapshotText = { number: this.#number, text }
    }
    return this.#snapshotText.text
  }

  /** @param id as a client sends it back, in `Last-Event-ID` */
  numberOf(id: string | undefined): number | undefined {
    const [, epoch, digits] = /^([\w]{1,40})-(\d{1,15})$/.exec(id ?? '') ?? []
    return epoch === this.#epoch && digits !== undefined ? Number(digits) : undefined
  }

  #event(type: string, number: number, data: object): string {
    return `id: ${this.#epoch}-${number}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
  }
}

function withinBounds(changes: readonly Recorded[]): readonly Recorded[] {
  let bytes = 0
  let first = changes.length
  while (first > 0 && changes.length - first < MAX_EVENTS) {
    bytes += changes[first - 1]?.text.length ?? 0
    if (bytes > MAX_BYTES) break
    first -= 1
  }
  return changes.slice(first)
}
