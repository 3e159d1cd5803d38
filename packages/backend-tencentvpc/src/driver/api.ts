import { type AbortOptions, type Clock, isOverlayError, OverlayError, type Random } from '@selvedge/core'
import { backoffDelay, isJsonObject } from '@selvedge/core/kit'
import type { CredentialSource, TencentCredentials } from './credentials.js'
import { ApiFailure, refusal } from './errors.js'

const VERSION = '2017-03-12'
const HOST = 'vpc.tencentcloudapi.com'
const DEFAULT_TIMEOUT_MS = 5_000

/** How often a request is sent that the API refuses for a reason that passes. */
const MAX_ATTEMPTS = 4
/** And one that is not answered: other drivers wait meanwhile, and the reconciler tries again too. */
const MAX_UNANSWERED = 2
/** The API's limits are per second (20 to 100, by action) and account: the delays spread over several. */
const BACKOFF = { firstMs: 500, maxMs: 4_000 }

export interface VpcApiOptions {
  readonly credentials: CredentialSource
  readonly region: string
  /** Host name, or URL without a path. Default: `vpc.tencentcloudapi.com`, by HTTPS. */
  readonly endpoint?: string | undefined
  /** For one attempt, in ms. Default: 5,000. */
  readonly timeoutMs?: number | undefined
  readonly clock: Clock
  readonly random: Random
}

type JsonObject = Readonly<Record<string, unknown>>

/** The VPC service of Tencent's API 3.0, with requests signed by Tencent's own client (TC3-HMAC-SHA256). */
export class VpcApi {
  readonly #options: VpcApiOptions
  /** The credentials that were used last: none of them is repeated in a message. */
  #used: TencentCredentials | undefined

  constructor(options: VpcApiOptions) {
    this.#options = options
  }

  /**
   * Asks for something. What may pass is tried again within some seconds: four times in all if the API refuses it for now,
   * twice if the answer does not come or is not complete. Rejects with an OverlayError that names the action and what was answered:
   * `ACCESS_DENIED`, or `DRIVER_REFUSED` with an {@link ApiFailure} as its cause.
   */
  read(action: string, parameters: JsonObject, options?: AbortOptions): Promise<JsonObject> {
    return this.#call(action, parameters, (failure) => failure.mayPass, options)
  }

  /**
   * Changes something. Only what certainly was not done is tried again: if an answer is lost, it is for the caller to
   * read what there is now.
   */
  write(action: string, parameters: JsonObject, options?: AbortOptions): Promise<JsonObject> {
    return this.#call(action, parameters, (failure) => failure.mayPass && failure.isRefusal, options)
  }

  async #call(
    action: string,
    parameters: JsonObject,
    isRepeated: (failure: ApiFailure) => boolean,
    { signal }: AbortOptions = {},
  ): Promise<JsonObject> {
    const { clock, random, credentials } = this.#options
    for (let attempt = 1; ; attempt += 1) {
      const current = await credentials.get({ signal })
      try {
        return await this.#request(current, action, parameters, signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (isOverlayError(error)) throw error
        const failure = ApiFailure.of(error)
        const isRenewed = failure.isAboutCredentials && attempt === 1 && credentials.refused()
        const max = failure.isRefusal ? MAX_ATTEMPTS : MAX_UNANSWERED
        if (!isRenewed && (attempt >= max || !isRepeated(failure))) {
          throw refusal(action, failure, {
            source: credentials.name,
            secrets: this.#secrets(),
            now: clock.now(),
          })
        }
        if (!isRenewed) await clock.sleep(backoffDelay(attempt, BACKOFF, random), { signal })
      }
    }
  }

  async #request(
    { secretId, secretKey, token }: TencentCredentials,
    action: string,
    parameters: JsonObject,
    signal: AbortSignal | undefined,
  ): Promise<JsonObject> {
    this.#used = { secretId, secretKey, token }
    const { region, endpoint = HOST, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options
    const { CommonClient } = await loadSdk()
    const [, protocol = 'https://', host = ''] = /^(https?:\/\/)?([^/]*)/i.exec(endpoint) ?? []
    const client = new CommonClient(host, VERSION, {
      credential: { secretId, secretKey, ...(token === undefined ? {} : { token }) },
      region,
      profile: {
        language: 'en-US',
        httpProfile: { protocol: protocol.toLowerCase(), reqTimeout: timeoutMs / 1000 },
      },
    })
    // Passed on only if there is one: the client hands `undefined` to what does not expect it.
    const answer: unknown = await client.request(action, parameters, signal === undefined ? {} : { signal })
    if (!isJsonObject(answer)) throw new Error('the answer is no object')
    return answer
  }

  #secrets(): readonly string[] {
    const { secretId, secretKey, token } = this.#used ?? {}
    return [secretId, secretKey, token].filter((secret) => secret !== undefined && secret !== '') as string[]
  }
}

/** Imported when the first request is made: it costs no other backend anything. */
async function loadSdk() {
  try {
    return await import('tencentcloud-sdk-nodejs-common')
  } catch (error) {
    throw new OverlayError(
      'UNSUPPORTED',
      `loading tencentcloud-sdk-nodejs-common: ${error instanceof Error ? error.message : error}; install it with npm`,
      { cause: error },
    )
  }
}
