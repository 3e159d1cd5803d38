import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '@selvedge/core'
import type { Answer } from '../observe/bounded-server.js'
import type { StatusPage } from '../observe/status-page.js'
import { type Asset, readAssets } from './assets.js'
import type { PlanPage } from './browser/plan-page.js'
import { EventStreams } from './event-streams.js'
import { type FeedSources, snapshotOf } from './feed-source.js'
import { SharedLook } from './shared-look.js'

export interface DashboardOptions {
  readonly page: () => Promise<StatusPage>
  /** What the agent would change now; undefined while there is no lease. */
  readonly plan: () => Promise<PlanPage | undefined>
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

const ROOT = '/dashboard'

/** The page, its files, and its events. */
export class Dashboard implements Disposable {
  readonly #streams: EventStreams
  readonly #assets: ReadonlyMap<string, Asset>
  readonly #plan: SharedLook<string | undefined>

  private constructor(options: DashboardOptions, assets: ReadonlyMap<string, Asset>) {
    const { page, plan, recent, host, clock } = options
    const look = async () => snapshotOf({ page: await page(), recent, host, now: clock.now() })
    this.#streams = new EventStreams({ look, clock, epoch: randomUUID().replaceAll('-', '') })
    this.#assets = assets
    this.#plan = new SharedLook(async () => {
      const planned = await plan()
      return planned && JSON.stringify(planned)
    }, clock)
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
    if (name === 'plan') return this.#planned()
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

  async #planned(): Promise<Answer> {
    const json = await this.#plan.get().catch(() => undefined)
    if (json === undefined) return { status: 503, text: 'the agent cannot plan now', headers: NOT_STORED }
    return { status: 200, text: json, contentType: 'application/json', headers: NOT_STORED }
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
