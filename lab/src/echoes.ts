import { join } from 'node:path'
import { Capture, type CapturedPacket } from './capture.js'
import type { Child } from './namespace.js'
import type { Pod } from './pod.js'

/** An echo request, and whether an answer to it came. */
export interface Echo {
  /** When it left the pod, in milliseconds since the epoch. */
  readonly sentMs: number
  readonly isAnswered: boolean
}

export interface EchoesOptions {
  /** Milliseconds between two requests. Default: 20. */
  readonly intervalMs?: number
  /** A folder for what is captured meanwhile. */
  readonly directory: string
}

/**
 * Echo requests of IPv4 from a pod at a steady pace, each with the time at which it left. They are counted on the pod's
 * own wire, so that none is missed, whatever becomes of it.
 */
export class Echoes {
  readonly #from: string
  readonly #ping: Child
  readonly #capture: Capture

  private constructor(from: string, ping: Child, capture: Capture) {
    this.#from = from
    this.#ping = ping
    this.#capture = capture
  }

  static async start(
    from: Pod,
    target: string,
    { intervalMs = 20, directory }: EchoesOptions,
  ): Promise<Echoes> {
    const capture = await Capture.start(from, { device: 'eth0', file: join(directory, `${from.name}.pcap`) })
    const ping = from.spawn('ping', ['-n', '-q', '-i', `${intervalMs / 1000}`, target])
    ping.stdout.resume()
    ping.stderr.resume()
    return new Echoes(`${from.addresses[0]}`, ping, capture)
  }

  /** Ends the requests, and gives all of them. One that was sent a moment ago may not have been answered yet. */
  async stop(): Promise<readonly Echo[]> {
    const closed = new Promise((resolve) => this.#ping.once('close', resolve))
    this.#ping.kill('SIGINT')
    await closed
    return echoesIn(await this.#capture.stop(), this.#from)
  }
}

const ETHERNET_LENGTH = 14
const ETHERTYPE_IPV4 = 0x0800
const IPPROTO_ICMP = 1
/** RFC 792 */
const ECHO_REPLY = 0
const ECHO_REQUEST = 8

/** The echo requests of an address, in what was captured on its wire; those that others send to it are left out. */
export function echoesIn(packets: readonly CapturedPacket[], address: string): readonly Echo[] {
  const own = Buffer.from(address.split('.').map(Number))
  const sent = new Map<string, number>()
  const answered = new Set<string>()
  for (const { timeMs, bytes } of packets) {
    const icmp = icmpOf(bytes)
    if (icmp === undefined) continue
    // Identifier and sequence number, which an answer repeats.
    const key = icmp.subarray(4, 8).toString('hex')
    const [from, to] = [bytes.subarray(26, 30), bytes.subarray(30, 34)]
    if (icmp[0] === ECHO_REQUEST && from.equals(own)) sent.set(key, timeMs)
    if (icmp[0] === ECHO_REPLY && to.equals(own)) answered.add(key)
  }
  return [...sent].map(([key, sentMs]) => ({ sentMs, isAnswered: answered.has(key) }))
}

/** From its ICMP header on; undefined for what is no ICMP over IPv4. */
function icmpOf(bytes: Buffer): Buffer | undefined {
  if (bytes.length < ETHERNET_LENGTH + 20 || bytes.readUInt16BE(12) !== ETHERTYPE_IPV4) return undefined
  if (bytes[ETHERNET_LENGTH + 9] !== IPPROTO_ICMP) return undefined
  const headerLength = ((bytes[ETHERNET_LENGTH] ?? 0) & 15) * 4
  const icmp = bytes.subarray(ETHERNET_LENGTH + headerLength)
  return icmp.length < 8 ? undefined : icmp
}
