import type { IncomingHttpHeaders } from 'node:http'
import { hostname } from 'node:os'
import { OverlayError } from '@selvedge/core'
import { type Answer, BoundedServer, type ListenAddress } from './bounded-server.js'
import { namesThisHost } from './host-header.js'

/** What is served; asked at each request. */
export interface Served {
  /** Why pods cannot be set up; undefined if they can. */
  whyNotReady(): Promise<string | undefined>
  /** Absent where none are served. */
  metrics?(): Promise<{ readonly text: string; readonly contentType: string }>
  /** A JSON page for `/status`. Absent where none is served: it names every peer. */
  status?(): Promise<object>
  /** A JSON page for `/resources`; undefined while there is no lease. Absent where none is served. */
  resources?(): Promise<object | undefined>
  /** The page for people and its files, below `/dashboard`; undefined for a path that it does not have. */
  dashboard?(path: string, headers: IncomingHttpHeaders): Answer | Promise<Answer> | undefined
}

/**
 * Serves what flanneld serves on its health port, and metrics. Resolves once it listens; rejects with `INVALID_CONFIG` if
 * it cannot.
 */
export async function serveHealth(address: ListenAddress, served: Served): Promise<BoundedServer> {
  try {
    return await BoundedServer.listen(address, {
      answer: async (path, headers) =>
        (await served.dashboard?.(path, headers)) ?? (await answer(path, served)),
      admitsHost: (host) => namesThisHost(host, hostname()),
    })
  } catch (error) {
    throw OverlayError.from(error, 'INVALID_CONFIG', attemptedAt(address, error))
  }
}

function attemptedAt(address: ListenAddress, error: unknown): string {
  if ('path' in address) return 'serving health'
  const isTaken = Reflect.get(Object(error), 'code') === 'EADDRINUSE'
  const who = isTaken
    ? `; another program has that port, such as another agent or kube-proxy: ss -tlnp sport = :${address.port}`
    : ''
  return `serving /healthz, /readyz and /metrics at the port of --healthz-port${who}`
}

/** The texts up to the first colon are flanneld's. */
async function answer(path: string, served: Served): Promise<Answer> {
  switch (path) {
    case '/healthz':
      return { status: 200, text: 'flanneld is running' }
    case '/readyz': {
      const why = await served.whyNotReady()
      return why === undefined
        ? { status: 200, text: 'flanneld is ready' }
        : { status: 503, text: `flanneld is not ready yet: ${why}` }
    }
    case '/status':
      if (served.status === undefined) break
      return {
        status: 200,
        text: `${JSON.stringify(await served.status())}\n`,
        contentType: 'application/json',
      }
    case '/resources': {
      if (served.resources === undefined) break
      const page = await served.resources()
      if (page === undefined) return { status: 503, text: 'the agent has no lease yet' }
      return { status: 200, text: `${JSON.stringify(page)}\n`, contentType: 'application/json' }
    }
    case '/metrics':
      if (served.metrics === undefined) break
      try {
        return { status: 200, ...(await served.metrics()) }
      } catch (error) {
        return { status: 500, text: `gathering metrics: ${error instanceof Error ? error.message : error}` }
      }
  }
  const paths = [
    '/healthz',
    '/readyz',
    served.metrics && '/metrics',
    served.status && '/status',
    served.dashboard && '/dashboard',
    served.resources && '/resources',
  ]
  const known = paths.filter((each) => each !== undefined)
  return { status: 404, text: `the paths are ${known.slice(0, -1).join(', ')} and ${known.at(-1)}` }
}
