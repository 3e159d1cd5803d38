import { Connection } from './connection.js'
import { byId, setText } from './dom.js'
import type { Feed } from './feed.js'
import { clockText } from './texts.js'
import { renderFacts } from './view-facts.js'
import { renderDrift, renderEvents, renderSync } from './view-history.js'
import { MatrixPanel } from './view-matrix.js'
import { PeerTable } from './view-peers.js'
import { PlanPanel } from './view-plan.js'
import { renderTopology } from './view-topology.js'

/** Times that are shown as an age grow older. */
const AGE_MS = 5_000
const CHECK_MS = 1_000

/** Fills the page, and keeps it as the agent says. */
export function start(): void {
  new App()
}

class App {
  #feed: Feed | undefined
  #isFrameDue = false
  readonly #table = new PeerTable(() => this.#renderPeers())
  readonly #matrix = new MatrixPanel(() => this.#renderAsked())
  readonly #plan = new PlanPanel(() => this.#renderAsked())
  readonly #connection = new Connection({
    onFeed: (feed) => {
      this.#feed = feed
      this.#renderSoon()
    },
    onHeard: () => this.#renderConnection(),
  })

  constructor() {
    setInterval(() => {
      this.#renderConnection()
      this.#renderAsked()
    }, CHECK_MS)
    setInterval(() => this.#renderSoon(), AGE_MS)
  }

  /** Many events, one drawing. */
  #renderSoon(): void {
    if (this.#isFrameDue) return
    this.#isFrameDue = true
    requestAnimationFrame(() => {
      this.#isFrameDue = false
      this.#render()
    })
  }

  #render(): void {
    const feed = this.#feed
    if (feed === undefined) return
    const now = Date.now()
    renderFacts(feed, now)
    this.#renderPeers()
    renderTopology(feed, now)
    renderDrift(feed, now)
    renderSync(feed, now)
    renderEvents(feed, now)
    this.#renderAsked()
    this.#renderConnection()
  }

  #renderPeers(): void {
    if (this.#feed !== undefined) this.#table.render(this.#feed, Date.now())
  }

  /** What is not in the feed, but asked for. */
  #renderAsked(): void {
    if (this.#feed === undefined) return
    this.#matrix.render(this.#feed, Date.now())
    this.#plan.render(this.#feed, Date.now())
  }

  #renderConnection(): void {
    const { isLive, heardAt } = this.#connection
    const pill = byId('connection')
    const notice = byId('notice')
    const isKnown = this.#feed !== undefined
    notice.hidden = isLive || (!isKnown && Date.now() - heardAt < 2 * CHECK_MS)
    if (isLive) {
      pill.className = 'pill ok'
      setText(pill, 'Live')
      return
    }
    pill.className = isKnown ? 'pill bad' : 'pill muted'
    setText(pill, isKnown ? 'Not live' : 'Connecting')
    setText(
      notice,
      isKnown
        ? `The agent has not answered since ${clockText(heardAt, Date.now())}. This is what it said last; it is asked again every few seconds.`
        : 'The agent does not answer. It is asked again every few seconds.',
    )
  }
}
