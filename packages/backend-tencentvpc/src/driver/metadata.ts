import { type AbortOptions, type Clock, OverlayError, type Random } from '@selvedge/core'
import { backoffDelay, quote } from '@selvedge/core/kit'

/** https://www.tencentcloud.com/document/product/213/4934 */
export const METADATA_URL = 'http://metadata.tencentyun.com/latest/meta-data/'

const DEFAULT_TIMEOUT_MS = 2_000
const MAX_ATTEMPTS = 3
const BACKOFF = { firstMs: 200, maxMs: 1_000 }
const MAX_BYTES = 64 * 1024

export interface MetadataOptions {
  /** Default: {@link METADATA_URL}. */
  readonly url?: string | undefined
  /** For one attempt, in ms. Default: 2,000. */
  readonly timeoutMs?: number | undefined
  readonly clock: Clock
  readonly random: Random
}

/** Where an instance runs, by its metadata. */
export interface Instance {
  /** Such as `ins-3g445roi`. */
  readonly id: string
  /** Such as `ap-guangzhou`. */
  readonly region: string
  readonly vpc: string
  /** The VPC subnet of the interface that packets to peers leave by. */
  readonly subnet: string
}

/** The metadata that Tencent Cloud serves to the instance itself, over plain HTTP. */
export class Metadata {
  readonly #url: string
  readonly #options: MetadataOptions

  constructor(options: MetadataOptions) {
    this.#options = options
    const { url = METADATA_URL } = options
    this.#url = url.endsWith('/') ? url : `${url}/`
  }

  /**
   * The text at this path; undefined if there is none (404). Rejects with `DRIVER_REFUSED` if the server cannot be
   * reached, does not answer in time or answers with an error, after three attempts.
   */
  async get(path: string, { signal }: AbortOptions = {}): Promise<string | undefined> {
    const { clock, random } = this.#options
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#ask(path, signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (attempt === MAX_ATTEMPTS) throw unreachable(`${this.#url}${path}`, error)
        await clock.sleep(backoffDelay(attempt, BACKOFF, random), { signal })
      }
    }
  }

  async #ask(path: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options
    const ending = new AbortController()
    const abort = () => ending.abort(signal?.reason)
    const timer = setTimeout(() => ending.abort(new Error(`timeout after ${timeoutMs} ms`)), timeoutMs)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      const response = await fetch(`${this.#url}${path}`, { signal: ending.signal, redirect: 'error' })
      const text = await textOf(response, ending.signal)
      if (response.status === 404) return undefined
      if (response.status !== 200) throw new Error(`it answered with status ${response.status}`)
      return text.trim()
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }
}

/**
 * Where this instance runs. @param macAddress of the interface that packets to peers leave by: which of several it is.
 * Rejects as `Metadata.get`, and with `UNSUPPORTED` for an instance that is in no VPC.
 */
export async function readInstance(
  metadata: Metadata,
  { macAddress, ...options }: AbortOptions & { readonly macAddress?: string | undefined },
): Promise<Instance> {
  const required = async (path: string, form: RegExp): Promise<string> => {
    const text = await metadata.get(path, options)
    if (text !== undefined && form.test(text)) return text
    const said = text === undefined ? 'nothing' : quote(text.slice(0, 100))
    throw new OverlayError(
      'UNSUPPORTED',
      `the instance's metadata have ${said} at ${path}: tencent-vpc needs an instance (CVM) in a VPC`,
    )
  }
  const id = await required('instance-id', /^[\w-]{1,64}$/)
  const region = await required('placement/region', /^[a-z0-9-]{1,40}$/)
  const mac = await interfaceIn(metadata, macAddress, options)
  const vpc = await required(`network/interfaces/macs/${mac}/vpc-id`, /^vpc-[a-z0-9]{1,32}$/)
  const subnet = await required(`network/interfaces/macs/${mac}/subnet-id`, /^subnet-[a-z0-9]{1,32}$/)
  return { id, region, vpc, subnet }
}

/** The MAC as the metadata spell it: that of the given interface, or else of the first. */
async function interfaceIn(
  metadata: Metadata,
  macAddress: string | undefined,
  options: AbortOptions,
): Promise<string> {
  const digits = (mac: string | undefined) => mac?.toLowerCase().replaceAll(/[^0-9a-f]/g, '')
  const listed = ((await metadata.get('network/interfaces/macs/', options)) ?? '').split(/\s+/)
  const macs = listed.map((line) => line.replace(/\/$/, '')).filter((line) => /^[0-9a-f:]{17}$/i.test(line))
  const own = macs.find((mac) => digits(mac) === digits(macAddress))
  if (own !== undefined) return own
  const first = (await metadata.get('mac', options)) ?? ''
  if (/^[0-9a-f:]{17}$/i.test(first)) return first
  throw new OverlayError('UNSUPPORTED', "the instance's metadata name no network interface in a VPC")
}

/**
 * The whole body. Node.js 20's fetch may lose sight of its signal once the head of an answer is there: the signal ends
 * the reading here.
 */
async function textOf(response: Response, signal: AbortSignal): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      signal.throwIfAborted()
      const { done, value } = await Promise.race([reader.read(), aborted])
      if (done) return Buffer.concat(chunks).toString('utf8')
      size += value.length
      if (size > MAX_BYTES) throw new Error(`it answered with more than ${MAX_BYTES} bytes`)
      chunks.push(value)
    }
  } catch (error) {
    void reader.cancel(error).catch(() => undefined)
    throw error
  }
}

function unreachable(url: string, error: unknown): OverlayError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const said = cause instanceof Error ? cause.message : String(cause)
  return new OverlayError(
    'DRIVER_REFUSED',
    `asking for the instance's metadata at ${url}: ${said}; tencent-vpc works on an instance of Tencent Cloud alone. ` +
      'If this is one, check that the address can be resolved and reached',
    { cause: error },
  )
}
