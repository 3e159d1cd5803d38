import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AbortOptions } from '@selvedge/core'
import { systemClock } from '@selvedge/core/kit'
import { type Answer, longReply, longRequest, readAnswer } from './packets.js'
import { openRawSocket, type RawSocket } from './raw-socket.js'

/** The longest packets, in bytes, of those tried, that get through whole. */
export interface LongestEachWay {
  /** `whole`: the longest that was asked about does; `less`: it does not, and short ones do; undefined: not known. */
  readonly there: 'whole' | 'less' | undefined
  /** 0: none of them does, and short ones do; undefined: not known. */
  readonly back: number | undefined
}

/** Short enough for every path, and more than one fragment. */
const SHORT = 560
/** Packets may be lost, and paths may be slow. */
const ROUNDS = 3
const BETWEEN_ROUNDS_MS = 120
const LAST_WAIT_MS = 400
const POLL_MS = 10
/** Any port: nothing is sent to it. */
const DISCARD = 9

/**
 * How long packets to an address may be, and those from it, each direction by itself. Takes half a second, and less if
 * everything passes. Firewalls may drop what it asks with: fragments, timestamp requests, datagrams to a closed port.
 *
 * @param lengths of whole packets, in bytes
 * @returns nothing known if this process may not (CAP_NET_RAW)
 */
export async function longestEachWay(
  address: string,
  lengths: readonly number[],
  { signal }: AbortOptions = {},
): Promise<LongestEachWay> {
  const [source, socket] = [await sourceTo(address), openRawSocket(address)]
  if (source === undefined || socket === undefined) {
    socket?.[Symbol.dispose]()
    return { there: undefined, back: undefined }
  }
  try {
    const ends = { source, destination: address }
    const answers: Answer[] = []
    const identifier = 1 + Math.floor(Math.random() * 0xfffe)
    const full = Math.max(...lengths)
    const tried = [SHORT, ...lengths]
    for (let round = 1; round <= ROUNDS; round += 1) {
      // Errors of IPv6 are answered a few times a second, and no more (RFC 4443, 2.4).
      for (const length of round < ROUNDS ? [full, SHORT] : []) {
        for (const packet of longRequest(ends, identifier, length)) socket.send(packet)
      }
      for (const length of tried) {
        for (const packet of longReply(ends, identifier, length)) socket.send(packet)
      }
      const until = systemClock.monotonic() + (round < ROUNDS ? BETWEEN_ROUNDS_MS : LAST_WAIT_MS)
      while (systemClock.monotonic() < until && !isComplete()) {
        collect(socket)
        await systemClock.sleep(POLL_MS, { signal })
      }
    }
    return conclude(answers, lengths)

    function collect(from: RawSocket): void {
      for (let packet = from.receive(); packet !== undefined; packet = from.receive()) {
        const answer = readAnswer(address.includes(':') ? 6 : 4, packet, identifier)
        if (answer !== undefined) answers.push(answer)
      }
    }

    function isComplete(): boolean {
      const { there, back } = conclude(answers, lengths)
      return there === 'whole' && back === full
    }
  } finally {
    socket[Symbol.dispose]()
  }
}

/** What answers say: silence says something only where short packets are answered. */
export function conclude(answers: readonly Answer[], lengths: readonly number[]): LongestEachWay {
  const of = (direction: Answer['direction']): readonly number[] =>
    answers.filter((answer) => answer.direction === direction).map(({ length }) => length)
  const [there, back] = [of('there'), of('back')]
  const full = Math.max(...lengths)
  return {
    there: there.includes(full) ? 'whole' : there.length > 0 ? 'less' : undefined,
    back: back.length === 0 ? undefined : Math.max(0, ...back.filter((length) => lengths.includes(length))),
  }
}

/** The address of this host that packets to it have. */
async function sourceTo(address: string): Promise<string | undefined> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  try {
    const connected = once(socket, 'connect')
    socket.connect(DISCARD, address)
    await connected
    return socket.address().address
  } catch {
    return undefined
  } finally {
    socket.close()
  }
}
