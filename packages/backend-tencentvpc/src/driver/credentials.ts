import { type AbortOptions, type Clock, OverlayError } from '@selvedge/core'
import type { Metadata } from './metadata.js'

/** A key of Tencent's API. All three are secrets: they appear in no log, error or resource. */
export interface TencentCredentials {
  /** The SecretId, which names the key. */
  readonly secretId: string
  /** The SecretKey, which signs requests. */
  readonly secretKey: string
  /** Of temporary ones. */
  readonly token?: string | undefined
}

/** Where credentials come from. */
export interface CredentialSource {
  /** In words, for messages, such as `the role edge of the instance`. */
  readonly name: string
  get(options?: AbortOptions): Promise<TencentCredentials>
  /** The API did not accept what `get` returned last. Returns whether it may return something else now. */
  refused(): boolean
}

/** Those of the network config or the options, which do not change. */
export function fixedCredentials(credentials: TencentCredentials, name: string): CredentialSource {
  return { name, get: async () => credentials, refused: () => false }
}

const ROLE_PATH = 'cam/security-credentials/'

/** How long before their end temporary credentials are replaced, and how often that is tried, in ms. */
const REFRESH_BEFORE_MS = 5 * 60_000
const REFRESH_EVERY_MS = 10_000

interface RoleCredentials extends TencentCredentials {
  readonly expiresAt: number
}

/**
 * The temporary credentials of the instance's CAM role, from its metadata: asked for again five minutes before they end.
 * `get` rejects with `ACCESS_DENIED` if the instance has no role, and as `Metadata.get`.
 */
export class InstanceRole implements CredentialSource {
  readonly #metadata: Metadata
  readonly #clock: Clock
  #held: RoleCredentials | undefined
  #askAgainAt = 0
  #role = ''

  constructor(metadata: Metadata, clock: Clock) {
    this.#metadata = metadata
    this.#clock = clock
  }

  get name(): string {
    return `the role ${this.#role} of the instance`
  }

  async get(options: AbortOptions = {}): Promise<TencentCredentials> {
    const now = this.#clock.now()
    const held = this.#held
    const isFresh = held !== undefined && held.expiresAt - REFRESH_BEFORE_MS > now
    if (
      held !== undefined &&
      (isFresh || (held.expiresAt > now && this.#clock.monotonic() < this.#askAgainAt))
    ) {
      return held
    }
    this.#askAgainAt = this.#clock.monotonic() + REFRESH_EVERY_MS
    try {
      const read = await this.#read(options)
      this.#held = read
      return read
    } catch (error) {
      // What is held is still good for a while.
      if (options.signal?.aborted || held === undefined || held.expiresAt <= now) throw error
      return held
    }
  }

  refused(): boolean {
    const hadSome = this.#held !== undefined
    this.#held = undefined
    return hadSome
  }

  async #read(options: AbortOptions): Promise<RoleCredentials> {
    const [role = ''] = ((await this.#metadata.get(ROLE_PATH, options)) ?? '').split(/\s+/)
    if (!/^[\w+=,.@-]{1,128}$/.test(role)) throw noCredentials('the instance has no CAM role')
    this.#role = role
    const text = await this.#metadata.get(`${ROLE_PATH}${encodeURIComponent(role)}`, options)
    if (text === undefined) throw noCredentials(`the metadata have none of the role ${role}`)
    return parse(text, role)
  }
}

function parse(text: string, role: string): RoleCredentials {
  let found: Record<string, unknown> = {}
  try {
    found = Object(JSON.parse(text))
  } catch {
    // What is missing is named below; the text is not quoted, since it may hold secrets.
  }
  const {
    Code: code,
    TmpSecretId: secretId,
    TmpSecretKey: secretKey,
    Token: token,
    ExpiredTime: seconds,
  } = found
  if (code !== undefined && code !== 'Success') {
    throw noCredentials(`the metadata answer with ${String(code).slice(0, 100)} for the role ${role}`)
  }
  const fields = { TmpSecretId: secretId, TmpSecretKey: secretKey, Token: token }
  const missing = Object.entries(fields).find(
    ([, value]) => typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value),
  )
  if (missing !== undefined) throw noCredentials(`the metadata of the role ${role} lack ${missing[0]}`)
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) {
    throw noCredentials(`the metadata of the role ${role} lack ExpiredTime`)
  }
  return {
    secretId: String(secretId),
    secretKey: String(secretKey),
    token: String(token),
    expiresAt: seconds * 1000,
  }
}

function noCredentials(why: string): OverlayError {
  return new OverlayError(
    'ACCESS_DENIED',
    `looking for credentials of Tencent's API: ${why}; bind a CAM role to the instance, set TENCENTCLOUD_SECRET_ID and ` +
      'TENCENTCLOUD_SECRET_KEY, or AccessKeyID and AccessKeySecret in the network config',
  )
}
