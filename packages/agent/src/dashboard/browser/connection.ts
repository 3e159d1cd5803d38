import { type Feed, fromSnapshot, withChange } from './feed.js'

export interface ConnectionEvents {
  /** What is known now. */
  readonly onFeed: (feed: Feed) => void
  /** The agent has been heard. */
  readonly onHeard: () => void
}

/** Longer than three heartbeats: a connection that is cut without a word is noticed by it. */
const SILENCE_MS = 7_000
const AGAIN_MS = 2_000

/** Follows the agent's events, and comes back after every interruption. */
export class Connection {
  readonly #events: ConnectionEvents
  #feed: Feed | undefined
  #source: EventSource | undefined
  #heardAt = Date.now()

  constructor(events: ConnectionEvents) {
    this.#events = events
    this.#open()
    setInterval(() => this.#check(), AGAIN_MS)
  }

  /** When the agent was heard last, in ms since the epoch. */
  get heardAt(): number {
    return this.#heardAt
  }

  get isLive(): boolean {
    return this.#source?.readyState === EventSource.OPEN && Date.now() - this.#heardAt < SILENCE_MS
  }

  #open(): void {
    this.#source?.close()
    const source = new EventSource('events')
    this.#source = source
    source.addEventListener('snapshot', ({ data }) => this.#know(fromSnapshot(JSON.parse(data))))
    source.addEventListener('change', ({ data }) => {
      if (this.#feed !== undefined) this.#know(withChange(this.#feed, JSON.parse(data)))
    })
    source.addEventListener('beat', () => this.#heard())
  }

  /** A browser gives up after some answers, and never asks whether a silent connection is one. */
  #check(): void {
    const { readyState } = this.#source ?? {}
    const isSilent = readyState === EventSource.OPEN && Date.now() - this.#heardAt >= SILENCE_MS
    if (readyState === EventSource.CLOSED || isSilent) this.#open()
  }

  #know(feed: Feed): void {
    this.#feed = feed
    this.#heard()
    this.#events.onFeed(feed)
  }

  #heard(): void {
    this.#heardAt = Date.now()
    this.#events.onHeard()
  }
}
