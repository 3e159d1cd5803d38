import { setMaxListeners } from 'node:events'

/** One file of the report. */
export interface Part {
  /** Its path in the archive. */
  readonly path: string
  /** What it is, for the README. */
  readonly about: string
  /** Resolves with its text; rejects if there is none, saying why. */
  readonly make: (signal: AbortSignal) => Promise<string>
  /** Parts of one lane are made one after another: beside each other they would only make each other late. */
  readonly lane?: string | undefined
  /** In ms, in place of the limit for all. */
  readonly limitMs?: number | undefined
}

export interface GatheredPart extends Pick<Part, 'path' | 'about'> {
  readonly text: string
  /** Whether it is the reason why there is none. */
  readonly failed: boolean
}

export interface Limits {
  /** For one part, in ms. */
  readonly partMs: number
  /** For all of them. */
  readonly totalMs: number
  /** Of one part, in characters. */
  readonly partSize: number
  readonly totalSize: number
  /** How many without a lane are made at a time. */
  readonly width: number
}

export const LIMITS: Limits = {
  partMs: 5_000,
  totalMs: 60_000,
  partSize: 16 * 1024 * 1024,
  totalSize: 64 * 1024 * 1024,
  width: 4,
}

/**
 * Makes all parts, within these limits, in their order. One that fails, takes too long or has no room left becomes a file
 * that says so, and holds up no other.
 */
export async function gatherParts(
  parts: readonly Part[],
  limits: Limits,
  signal: AbortSignal,
): Promise<readonly GatheredPart[]> {
  // The end of the whole report and the end of a part are events, never a reading of a clock: timers may fire
  // a millisecond before the clock agrees.
  const whole = new AbortController()
  const end = setTimeout(
    () => whole.abort(new Error(`the report had taken ${limits.totalMs / 1000} s`)),
    limits.totalMs,
  )
  const ends = AbortSignal.any([signal, whole.signal])
  // Each part listens, and each of its tools.
  setMaxListeners(0, ends)
  const texts: (string | Error)[] = []
  const worker = async (places: number[]): Promise<void> => {
    for (let place = places.shift(); place !== undefined; place = places.shift()) {
      const part = parts[place]
      if (part === undefined) return
      texts[place] = ends.aborted
        ? new Error(`not begun: ${asError(ends.reason).message}`)
        : await made(part, part.limitMs ?? limits.partMs, ends)
    }
  }
  const others: number[] = []
  const lanes = new Map<string, number[]>()
  parts.forEach(({ lane }, place) => {
    if (lane === undefined) others.push(place)
    else lanes.set(lane, [...(lanes.get(lane) ?? []), place])
  })
  const pool = Array.from({ length: limits.width }, () => others)
  try {
    await Promise.all([...lanes.values(), ...pool].map(worker))
  } finally {
    clearTimeout(end)
  }
  signal.throwIfAborted()
  let room = limits.totalSize
  return parts.map(({ path, about }, place): GatheredPart => {
    const text = texts[place] ?? new Error('not made')
    if (text instanceof Error) {
      return { path: `${path}.failed.txt`, about, text: `${path}: ${text.message}\n`, failed: true }
    }
    const size = Math.min(limits.partSize, room)
    room -= Math.min(size, text.length)
    return { path, about, text: cut(text, size), failed: false }
  })
}

async function made(part: Part, limitMs: number, ends: AbortSignal): Promise<string | Error> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new Error(`it took longer than ${limitMs / 1000} s`)), limitMs)
  const stop = AbortSignal.any([ends, limit.signal])
  setMaxListeners(0, stop)
  const stopped = new Promise<never>((_, reject) => {
    stop.addEventListener('abort', () => reject(stop.reason), { once: true })
  })
  try {
    // Called inside the race, so that one which throws at once is an answer too.
    return await Promise.race([stopped, Promise.resolve().then(() => part.make(stop))])
  } catch (error) {
    return asError(stop.aborted ? stop.reason : error)
  } finally {
    clearTimeout(timer)
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

const cut = (text: string, size: number): string =>
  text.length <= size ? text : `${text.slice(0, size)}\n[cut here: ${text.length - size} more characters]\n`
