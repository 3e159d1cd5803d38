import { request } from 'node:http'
import type { ResourcesPage, StatusPage } from '@selvedge/agent'
import { OverlayError } from '@selvedge/core'

/** An agent that runs answers in milliseconds; with 10,000 peers, in tenths of a second. */
const TIMEOUT_MS = 5_000
/** More than the status of an agent with 10,000 peers, and the entries of one with 60,000. */
const MAX_BYTES = 128 * 1024 * 1024

/**
 * The status of the agent at a control socket; undefined if none is there. Rejects with `ACCESS_DENIED` for a socket that
 * this user may not use, and with `STORE_CORRUPT` for an answer that is not such a page.
 */
export async function askAgent(
  path: string,
  signal: AbortSignal,
  timeoutMs: number = TIMEOUT_MS,
): Promise<StatusPage | undefined> {
  return (await askPage(path, '/status', { signal, timeoutMs })) as StatusPage | undefined
}

/**
 * What the agent at a control socket desires, and what it finds of it; undefined if no agent is there, or it has no lease
 * yet. Rejects as `askAgent` does.
 */
export async function askResources(
  path: string,
  signal: AbortSignal,
  timeoutMs: number = TIMEOUT_MS,
): Promise<ResourcesPage | undefined> {
  return (await askPage(path, '/resources', { signal, timeoutMs })) as ResourcesPage | undefined
}

async function askPage(
  path: string,
  name: string,
  { signal, timeoutMs }: Limits,
): Promise<object | undefined> {
  const attempted = `asking the agent at ${path}`
  let answer: { readonly status: number; readonly text: string }
  try {
    answer = await get(path, name, { signal, timeoutMs })
  } catch (cause) {
    signal.throwIfAborted()
    const code: unknown = Reflect.get(Object(cause), 'code')
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
    const why = cause instanceof Error ? cause.message : String(cause)
    if (code === 'EACCES' || code === 'EPERM') {
      throw new OverlayError('ACCESS_DENIED', `${attempted}: ${why}; only root may: use sudo`, { cause })
    }
    throw new OverlayError('STORE_UNAVAILABLE', `${attempted}: ${why}; see its log`, { cause })
  }
  if (answer.status === 503) return undefined
  const page = answer.status === 200 ? parsed(answer.text) : undefined
  if (isPage(page)) return page
  throw new OverlayError(
    'UNSUPPORTED',
    `${attempted}: it answered ${answer.status} and no ${name} of this format: it may be of another version; ` +
      'use the selvedge that came with it',
  )
}

/** Whether an agent answers, of whatever version. */
export async function isAgentThere(path: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await askAgent(path, signal)) !== undefined
  } catch {
    signal.throwIfAborted()
    return true
  }
}

interface Limits {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

function get(socketPath: string, path: string, { signal, timeoutMs }: Limits) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const giveUp = setTimeout(() => {
      asked.destroy(new Error(`it has not answered within ${timeoutMs / 1000} s`))
    }, timeoutMs)
    const asked = request({ socketPath, path, signal }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > MAX_BYTES) asked.destroy(new Error('its answer does not end'))
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.on('close', () => clearTimeout(giveUp))
    asked.end()
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isPage = (page: unknown): page is object =>
  typeof page === 'object' && page !== null && 'format' in page && page.format === 1
