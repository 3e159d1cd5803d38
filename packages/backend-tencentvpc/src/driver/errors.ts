import { isOverlayError, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'

/**
 * Why a request to the API failed: with a code if the API refused it, else because it was not answered, or with
 * something that cannot be read.
 */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  /** Of API 3.0, such as `RequestLimitExceeded`; undefined if there was no such answer. */
  readonly code: string | undefined
  readonly requestId: string | undefined

  constructor(message: string, code?: string, requestId?: string) {
    super(message)
    this.code = code
    this.requestId = requestId
  }

  /**
   * From what Tencent's client throws: its own errors have a `traceId`, and with an `httpCode` no answer of the API; others
   * are of the connection, or of an answer that cannot be read.
   */
  static of(error: unknown): ApiFailure {
    const { code, requestId, httpCode, message, traceId } = Object(error) as Record<string, unknown>
    const said = typeof message === 'string' && message !== '' ? message : 'no reason given'
    if (httpCode !== undefined) return new ApiFailure(`status ${String(httpCode)} ${said}`)
    return traceId === undefined
      ? new ApiFailure(said)
      : new ApiFailure(said, textOf(code), textOf(requestId))
  }

  /** Whether the API says that it did nothing. */
  get isRefusal(): boolean {
    return this.code !== undefined
  }

  /** Whether the same request may succeed in a while. */
  get mayPass(): boolean {
    return (
      this.code === undefined ||
      /^(?:RequestLimitExceeded|InternalError|InternalServerError|ResourceUnavailable)\b/.test(this.code)
    )
  }

  /** Whether other credentials may succeed. */
  get isAboutCredentials(): boolean {
    return /^AuthFailure\.(?:TokenFailure|SecretIdNotFound|InvalidSecretId|SignatureFailure)$/.test(
      this.code ?? '',
    )
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** What to do, by the code that the API answers with; the first that matches counts. */
const ADVICE: readonly (readonly [code: RegExp, advice: (context: RefusalContext) => string])[] = [
  [
    /^AuthFailure\.SignatureExpire/,
    ({ now }) =>
      `this host's clock says ${new Date(now).toISOString()}, which is more than five minutes off: set it, by NTP for instance`,
  ],
  [
    /^AuthFailure\.UnauthorizedOperation|^UnauthorizedOperation/,
    ({ source }) =>
      `grant ${source} DescribeRouteTables, CreateRoutes, ReplaceRoutes, DeleteRoutes, EnableRoutes, ` +
      'DescribeVpcPrivateIpAddresses and DescribeVpcLimits of the service vpc',
  ],
  [/^AuthFailure/, ({ source }) => `the credentials are those of ${source}: check them`],
  [
    /^RequestLimitExceeded/,
    () => 'other callers of this account use up its requests for a second; it is tried again',
  ],
  [
    /NextHopMismatch|AddressIpNotInVpc/,
    () =>
      "the address of the external interface must be the instance's own in the VPC: name the interface (linux({ interface: 'eth0' }); --iface=eth0 of the agent)",
  ],
  [/VpcCidrConflict/, () => "choose a Network for pods that is outside of the VPC's own"],
  [
    /^(?:UnsupportedRegion|InvalidParameterValue\.InvalidRegion)/,
    () => 'correct Region in the network config',
  ],
]

export interface RefusalContext {
  /** Where the credentials are from. */
  readonly source: string
  /** What no message may repeat, though the API does. */
  readonly secrets: readonly string[]
  /** In ms since 1970. */
  readonly now: number
}

const MAX_SAID = 300

/** The error for a request that failed. */
export function refusal(action: string, failure: ApiFailure, context: RefusalContext): OverlayError {
  const { code, requestId, message } = failure
  const hidden = context.secrets.reduce((text, secret) => text.replaceAll(secret, '…'), message)
  const said = printable(hidden).slice(0, MAX_SAID)
  const advice = ADVICE.find(([form]) => form.test(code ?? ''))?.[1](context)
  const text =
    code === undefined
      ? `asking Tencent's API to ${action}: ${said}`
      : `Tencent's API refused ${action}: ${code}: ${said}${requestId === undefined ? '' : ` (request ${requestId})`}`
  const isDenied = /^(?:AuthFailure|UnauthorizedOperation)/.test(code ?? '')
  return new OverlayError(
    isDenied ? 'ACCESS_DENIED' : 'DRIVER_REFUSED',
    advice === undefined ? text : `${text}; ${advice}`,
    { cause: new ApiFailure(said, code, requestId) },
  )
}

/** The code of the API in an error that `refusal` made. */
export function apiCode(error: unknown): string | undefined {
  return isOverlayError(error) && error.cause instanceof ApiFailure ? error.cause.code : undefined
}
