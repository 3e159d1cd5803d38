/** How long a message of an error may be, in characters: it may quote 200 of the input, each of them escaped. */
const MAX_MESSAGE = 1_500

/** What must not reach a log or a terminal: it could forge a line, a colour, or the order of the text. */
const UNPRINTABLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u

/**
 * What a parser makes of an input; undefined if it refuses it as it promises. Throws any other error as it is, and fails
 * if the message of one that is promised is too long or unfit for a log.
 */
export function outcomeOf<T>(parse: () => T, isPromised: (error: unknown) => boolean): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!isPromised(error) || !(error instanceof Error)) throw error
    const { message } = error
    if (message.length > MAX_MESSAGE) throw new Error(`its message has ${message.length} characters`)
    if (UNPRINTABLE.test(message)) throw new Error(`its message is not printable: ${JSON.stringify(message)}`)
    return undefined
  }
}
