import { readFile, rm } from 'node:fs/promises'
import { parseAddress } from '@selvedge/core/kit'
import type { Child, Namespace } from './namespace.js'
import { until } from './until.js'

/** A packet as it was on the wire. */
export interface CapturedPacket {
  /** Milliseconds since the epoch, to the microsecond, by the kernel. */
  readonly timeMs: number
  /** From its Ethernet header on. */
  readonly bytes: Buffer
}

export interface CaptureOptions {
  /** The link whose packets are captured, such as `eth0`. */
  readonly device: string
  /** Which way: from the network, into it, or both. Default: both. */
  readonly direction?: 'in' | 'out' | 'inout'
  /** Where they are written meanwhile. The file is removed at the end. */
  readonly file: string
}

/** What crosses a link of a namespace, captured by tcpdump. Whatever ends the namespace's processes ends it too. */
export class Capture {
  readonly #child: Child
  readonly #file: string
  readonly #closed: Promise<void>

  private constructor(child: Child, file: string) {
    this.#child = child
    this.#file = file
    child.stdout.resume()
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()))
  }

  /** Starts one, and waits until it misses no packet. */
  static async start(
    namespace: Namespace,
    { device, direction = 'inout', file }: CaptureOptions,
  ): Promise<Capture> {
    const args = ['--immediate-mode', '-n', '-U', '-i', device, '-Q', direction, '-w', file]
    const child = namespace.spawn('tcpdump', args)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      said += chunk
    })
    const capture = new Capture(child, file)
    await until(`tcpdump to listen on ${device}`, () => {
      if (child.exitCode !== null) throw new Error(`tcpdump ended: ${said.trim()}`)
      return said.includes('listening on') || undefined
    })
    return capture
  }

  /** Ends it and gives all that it has captured, in order. */
  async stop(): Promise<readonly CapturedPacket[]> {
    this.#child.kill('SIGINT')
    await this.#closed
    const packets = parsePcap(await readFile(this.#file))
    await rm(this.#file)
    return packets
  }
}

/** How tcpdump writes a file on this machine: microseconds, and its own order of bytes. */
const MAGIC = 0xa1b2c3d4
const FILE_HEADER_LENGTH = 24
const PACKET_HEADER_LENGTH = 16

/** Reads a file in the format of libpcap (pcap-savefile(5)); a packet that is cut off at its end is left out. */
export function parsePcap(file: Buffer): readonly CapturedPacket[] {
  if (file.length < FILE_HEADER_LENGTH || file.readUInt32LE(0) !== MAGIC) {
    throw new TypeError('it is no capture of libpcap, in microseconds and little-endian')
  }
  const packets: CapturedPacket[] = []
  let start = FILE_HEADER_LENGTH
  while (start + PACKET_HEADER_LENGTH <= file.length) {
    const timeMs = file.readUInt32LE(start) * 1000 + file.readUInt32LE(start + 4) / 1000
    const end = start + PACKET_HEADER_LENGTH + file.readUInt32LE(start + 8)
    if (end > file.length) break
    packets.push({ timeMs, bytes: file.subarray(start + PACKET_HEADER_LENGTH, end) })
    start = end
  }
  return packets
}

/**
 * Whether an IP header from one address to another is in it, in whatever encapsulation: a packet of theirs that is not
 * encrypted. An ICMP error that quotes one the other way is none.
 */
export function isPlain({ bytes }: CapturedPacket, from: string, to: string): boolean {
  return bytes.includes(Buffer.concat([bytesOf(from), bytesOf(to)]))
}

function bytesOf(text: string): Buffer {
  const address = parseAddress(text)
  if (address === undefined) throw new TypeError(`'${text}' is no address`)
  const length = address.family === 4 ? 8 : 32
  return Buffer.from(address.value.toString(16).padStart(length, '0'), 'hex')
}

/** How many of the packets have these bytes somewhere, in hexadecimal. */
export const count = (packets: readonly CapturedPacket[], pattern: string): number =>
  packets.filter(({ bytes }) => bytes.includes(Buffer.from(pattern, 'hex'))).length
