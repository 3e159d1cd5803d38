/**
 * The codes of CNI errors. Up to 99 they are the specification's (CNI SPEC.md, "Error"), 999 is the one that plugins
 * written in Go use for all the rest (containernetworking/cni, ErrInternal).
 */
export const CNI_CODE = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  undecodable: 6,
  invalidConfig: 7,
  tryAgainLater: 11,
  /** To STATUS: containers cannot be attached now. */
  notAvailable: 50,
  /** To STATUS: nor may those that are attached reach everything. */
  limitedConnectivity: 51,
  /** To CHECK: an attachment is not as it was made. */
  attachmentChanged: 100,
  internal: 999,
} as const

/** A call that fails: its code, message and details are what the plugin answers. */
export class CniError extends Error {
  override readonly name = 'CniError'
  /** One of the specification's, or what another plugin answered. */
  readonly code: number
  /** More than the message says, for an operator; undefined if there is no more. */
  readonly details: string | undefined

  /** @param code one of `CNI_CODE`, or what another plugin answered */
  constructor(code: number, message: string, options: ErrorOptions & { readonly details?: string } = {}) {
    super(message, options)
    this.code = code
    this.details = options.details
  }

  /** The error itself if it is a CniError, else one of code 999 that keeps it as its cause. */
  static from(error: unknown): CniError {
    if (error instanceof CniError) return error
    return new CniError(CNI_CODE.internal, error instanceof Error ? error.message : String(error), {
      cause: error,
    })
  }
}
