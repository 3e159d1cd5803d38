import { request } from 'node:http'
import type { StatusPage } from '@selvedge/agent'
import { OverlayError } from '@selvedge/core'

/** An agent that runs answers in milliseconds; with 10,000 peers, in tenths of a second. */
const TIMEOUT_MS = 5_000
/** More than the page of an agent with 10,000 peers. */
const MAX_BYTES = 16 * 1024 * 1024

/**
 * The status of the agent at a control socket; undefined if none is there. Rejects with `ACCESS_DENIED` for a socket that
 * this user may not use, and with `STORE_CORRUPT` for an answer that is not such a page.
 */
export async function askAgent(
  path: string,
  signal: AbortSignal,
  timeoutMs: number = TIMEOUT_MS,
): Promise<StatusPage | undefined> {
  const attempted = `asking the agent at ${path}`
  let answer: { readonly status: number; readonly text: string }
  try {
    answer = await get(path, '/status', { signal, timeoutMs })
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
  const page = answer.status === 200 ? parsed(answer.text) : undefined
  if (isStatusPage(page)) return page
  throw new OverlayError(
    'UNSUPPORTED',
    `${attempted}: it answered ${answer.status} and no status of this format: it may be of another version; ` +
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

const isStatusPage = (page: unknown): page is StatusPage =>
  typeof page === 'object' && page !== null && 'format' in page && page.format === 1
