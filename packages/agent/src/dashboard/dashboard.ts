import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { Clock } from '@selvedge/core'
import type { Answer } from '../observe/bounded-server.js'
import type { StatusPage } from '../observe/status-page.js'
import { type Asset, readAssets } from './assets.js'
import type { MatrixPage } from './browser/matrix-page.js'
import type { PlanPage } from './browser/plan-page.js'
import { EventStreams } from './event-streams.js'
import { type FeedSources, snapshotOf } from './feed-source.js'
import { SharedLook } from './shared-look.js'

export interface DashboardOptions {
  readonly page: () => Promise<StatusPage>
  /** What the agent would change now; undefined while there is no lease. */
  readonly plan: () => Promise<PlanPage | undefined>
  /** What nodes have found about each other, of those that the filter names; undefined if it is not known. */
  readonly matrix: (filter: string) => Promise<MatrixPage | undefined>
  readonly recent: FeedSources['recent']
  /** This host's name. */
  readonly host: string
  readonly clock: Clock
}

/** Nothing from elsewhere, nothing inline, in no frame, and no text taken for markup. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
}

const NOT_STORED = { ...HEADERS, 'cache-control': 'no-store' }

/** Pages look at it by as many filters at the same time. */
const MAX_FILTERS = 16
const MAX_FILTER = 100

const ROOT = '/dashboard'

/** The page, its files, and its events. */
export class Dashboard implements Disposable {
  readonly #streams: EventStreams
  readonly #assets: ReadonlyMap<string, Asset>
  readonly #plan: SharedLook<Json | undefined>
  /** By filter, the one that was asked for last at the end. */
  readonly #matrices = new Map<string, SharedLook<Json | undefined>>()
  readonly #options: DashboardOptions

  private constructor(options: DashboardOptions, assets: ReadonlyMap<string, Asset>) {
    const { page, plan, recent, host, clock } = options
    const look = async () => snapshotOf({ page: await page(), recent, host, now: clock.now() })
    this.#streams = new EventStreams({ look, clock, epoch: randomUUID().replaceAll('-', '') })
    this.#assets = assets
    this.#options = options
    this.#plan = new SharedLook(async () => jsonOf(await plan()), clock)
  }

  /** Rejects if the page's files are missing. */
  static async open(options: DashboardOptions): Promise<Dashboard> {
    return new Dashboard(options, await readAssets())
  }

  /** Undefined for a path that is not its own. */
  answer(path: string, headers: IncomingHttpHeaders): Answer | Promise<Answer> | undefined {
    // Relative, so that it also works behind a proxy that serves it elsewhere.
    if (path === ROOT) return { status: 308, text: '', headers: { location: 'dashboard/' } }
    if (!path.startsWith(`${ROOT}/`)) return undefined
    const name = path.slice(ROOT.length + 1)
    const compress = /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''))
    if (name === 'events') return this.#events(headers, compress)
    if (name === 'plan') return answerOf(this.#plan, 'the agent cannot plan now', compress)
    if (name === 'matrix' || name.startsWith('matrix/')) {
      const filter = filterOf(name.slice('matrix/'.length))
      if (filter === undefined) return undefined
      return answerOf(this.#matrix(filter), 'the agent does not probe now', compress)
    }
    const asset = this.#assets.get(name === '' ? 'index.html' : name)
    if (asset === undefined) return undefined
    return {
      status: 200,
      text: compress ? asset.compressed : asset.bytes,
      contentType: asset.contentType,
      headers: { ...HEADERS, vary: 'accept-encoding', ...(compress && { 'content-encoding': 'gzip' }) },
    }
  }

  [Symbol.dispose](): void {
    this.#streams[Symbol.dispose]()
  }

  #matrix(filter: string): SharedLook<Json | undefined> {
    const { matrix, clock } = this.#options
    const known = this.#matrices.get(filter)
    const look = known ?? new SharedLook(async () => jsonOf(await matrix(filter)), clock)
    this.#matrices.delete(filter)
    this.#matrices.set(filter, look)
    const [oldest] = this.#matrices.size > MAX_FILTERS ? this.#matrices.keys() : []
    if (oldest !== undefined) this.#matrices.delete(oldest)
    return look
  }

  #events(headers: IncomingHttpHeaders, compress: boolean): Answer {
    if (this.#streams.isFull) {
      return { status: 503, text: 'too many pages are open: close one', headers: { 'retry-after': '5' } }
    }
    const lastEventId = headers['last-event-id']
    return {
      status: 200,
      text: '',
      contentType: 'text/event-stream',
      headers: { ...NOT_STORED, ...(compress && { 'content-encoding': 'gzip' }) },
      stream: (response) =>
        this.#streams.add(response, {
          lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
          compress,
        }),
    }
  }
}

interface Json {
  readonly text: string
  readonly compressed: Buffer
}

function jsonOf(page: object | undefined): Json | undefined {
  if (page === undefined) return undefined
  const text = JSON.stringify(page)
  return { text, compressed: gzipSync(text, { level: 4 }) }
}

async function answerOf(
  look: SharedLook<Json | undefined>,
  otherwise: string,
  compress: boolean,
): Promise<Answer> {
  const json = await look.get().catch(() => undefined)
  if (json === undefined) return { status: 503, text: otherwise, headers: NOT_STORED }
  return {
    status: 200,
    text: compress ? json.compressed : json.text,
    contentType: 'application/json',
    headers: { ...NOT_STORED, vary: 'accept-encoding', ...(compress && { 'content-encoding': 'gzip' }) },
  }
}

/** Undefined for what a page would not ask. */
function filterOf(encoded: string): string | undefined {
  try {
    const filter = decodeURIComponent(encoded)
    return filter.length > MAX_FILTER ? undefined : filter
  } catch {
    return undefined
  }
}
