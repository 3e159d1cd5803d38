import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { systemClock } from '@selvedge/core/kit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BoundedServer } from '../observe/bounded-server.js'
import { serveHealth } from '../observe/http-server.js'
import type { StatusPage } from '../observe/status-page.js'
import type { MatrixPage } from './browser/matrix-page.js'
import type { PlanPage } from './browser/plan-page.js'
import { Dashboard } from './dashboard.js'
import { RecentEvents } from './recent-events.js'

let dashboard: Dashboard
let server: BoundedServer
let matrix: ((filter: string) => MatrixPage) | undefined
let plan: () => Promise<PlanPage | undefined>

beforeEach(async () => {
  matrix = undefined
  plan = async () => ({ at: 1, counts: [], changes: [], config: [] })
  const page = {
    version: '1',
    store: { name: 'etcd', connected: true, staleMs: 0, fromCache: false },
    kernel: { inSync: true, desired: 0, actual: 0, failed: 0, failures: [] },
    peerCount: 0,
    peers: [],
  } as unknown as StatusPage
  dashboard = await Dashboard.open({
    page: async () => page,
    plan: () => plan(),
    matrix: async (filter) => matrix?.(filter),
    recent: new RecentEvents(systemClock),
    host: 'node-1',
    clock: systemClock,
  })
  server = await serveHealth(
    { ip: '127.0.0.1', port: 0 },
    {
      whyNotReady: async () => undefined,
      dashboard: (path, headers) => dashboard.answer(path, headers),
    },
  )
})
afterEach(async () => {
  dashboard[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

async function get(path: string, { method = 'GET', host = 'localhost', headers = {} } = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
    (resolve, reject) => {
      request({ port: server.port, path, method, headers: { host, ...headers } }, async (response) => {
        const { statusCode = 0, headers } = response
        resolve({ status: statusCode, headers, text: await text(response) })
      })
        .on('error', reject)
        .end()
    },
  )
}

test('the page allows its own files alone, and has nothing inline', async () => {
  const { status, headers, text } = await get('/dashboard/')
  expect(status).toBe(200)
  const policy = String(headers['content-security-policy'])
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:/)
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:\/\//)
})

test('its address without a slash leads to it, also behind a proxy', async () => {
  expect(await get('/dashboard')).toMatchObject({ status: 308, headers: { location: 'dashboard/' } })
})

test.each(['/dashboard/..%2fagent.js', '/dashboard/../package.json', '/dashboard/none.js', '/dashboards'])(
  '%s is none of its files',
  async (path) => {
    expect((await get(path)).status).toBe(404)
  },
)

test('a page elsewhere cannot read it through a browser, nor can anything be sent to it', async () => {
  expect((await get('/dashboard/', { host: 'attacker.example' })).status).toBe(421)
  expect((await get('/dashboard/events', { host: 'attacker.example' })).status).toBe(421)
  expect((await get('/dashboard/events', { method: 'POST' })).status).toBe(405)
})

test('the plan is answered fresh, and is not to be had before there is a lease, or from elsewhere', async () => {
  const { status, headers, text } = await get('/dashboard/plan')
  expect(status).toBe(200)
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
  expect(JSON.parse(text)).toEqual({ at: 1, counts: [], changes: [], config: [] })
  expect((await get('/dashboard/plan', { host: 'attacker.example' })).status).toBe(421)
})

test.each([
  ['has no lease', async () => undefined],
  ['cannot read its kernel', () => Promise.reject(new Error('a secret'))],
])('an agent that %s says that it cannot plan, and no more', async (_, failing) => {
  plan = failing
  expect(await get('/dashboard/plan')).toMatchObject({ status: 503, text: 'the agent cannot plan now' })
})

test('the matrix is answered for a filter, and not for what no page asks', async () => {
  expect(await get('/dashboard/matrix/')).toMatchObject({ status: 503, text: 'the agent does not probe now' })
  const asked: string[] = []
  matrix = (filter) => {
    asked.push(filter)
    return { at: 1, total: 0, everyMs: 2_000, matching: 0, nodes: [], columns: [], rows: [] }
  }
  expect(JSON.parse((await get('/dashboard/matrix/10.9%20%2Fx')).text)).toMatchObject({ everyMs: 2_000 })
  await get('/dashboard/matrix/10.9%20%2Fx')
  for (const filter of ['%', '%ff', 'a'.repeat(101)]) {
    expect((await get(`/dashboard/matrix/${filter}`)).status).toBe(404)
  }
  expect(asked).toEqual(['10.9 /x'])
  for (let n = 0; n < 100; n += 1) expect((await get(`/dashboard/matrix/${n}`)).status).toBe(200)
  expect(asked).toHaveLength(101)
})

test('beyond 16 open pages, the next is refused', async () => {
  const open = Array.from({ length: 16 }, () => request({ port: server.port, path: '/dashboard/events' }))
  try {
    await Promise.all(
      open.map(
        (each) => new Promise((resolve, reject) => each.on('response', resolve).on('error', reject).end()),
      ),
    )
    expect(await get('/dashboard/events')).toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
    expect((await get('/healthz')).status).toBe(200)
  } finally {
    for (const each of open) each.on('error', () => undefined).destroy()
  }
})
