import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Namespace, until } from '@selvedge/lab'

const PROGRAM = fileURLToPath(new URL('udp-station.mjs', import.meta.url))

export interface Datagram {
  readonly id: string
  readonly from: string
  readonly sourcePort: number
  readonly to: string
  readonly port: number
  /** For a multicast group: the interface to leave by. */
  readonly device?: string | undefined
}

/** A process in a network namespace that sends datagrams, and answers those that come. */
export class Station implements AsyncDisposable {
  /** By a datagram's id: the address that it was seen to come from. */
  readonly received = new Map<string, string>()
  readonly answered = new Set<string>()
  /** What could not be sent, and why. */
  readonly failures: string[] = []
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #ended: Promise<void>
  readonly #streamed = new Map<string, number>()
  #listening = 0

  constructor({ namespace }: Namespace) {
    this.#child = spawn('ip', ['netns', 'exec', namespace, process.execPath, PROGRAM], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()))
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const event = JSON.parse(line)
      if (event.listening !== undefined) this.#listening += 1
      if (event.received !== undefined) this.received.set(event.received, event.from)
      if (event.streamed !== undefined) this.#streamed.set(event.streamed, event.sent)
      if (event.answered !== undefined) this.answered.add(event.answered)
      if (event.failed !== undefined) this.failures.push(`${event.failed}: ${event.why}`)
    })
  }

  /** Resolves once datagrams to these ports of these addresses, and of multicast groups, are received. */
  async listen(
    ports: readonly number[],
    at: readonly string[],
    groups: readonly string[] = [],
    device?: string,
  ): Promise<void> {
    this.#tell({ listen: ports, at, groups, device })
    const sockets = (at.length + groups.length) * ports.length
    await until('sockets', () => this.#listening === sockets || undefined)
  }

  send({ id, ...datagram }: Datagram): void {
    this.#tell({ send: id, ...datagram })
  }

  /** Sends a datagram a millisecond, each from another port, until the returned function is called: it gives their number. */
  stream(id: string, from: string, to: string, port: number): () => Promise<number> {
    this.#tell({ stream: id, from, to, port })
    return async () => {
      this.#tell({ end: id })
      return until('the end of the stream', () => this.#streamed.get(id))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end()
    await this.#ended
  }

  #tell(command: object): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`)
  }
}

/**
 * Counts, from now on, the datagrams that arrive in a namespace while the socket's buffer is full: the receiver is a
 * process that must share the machine, and what it had no room for was not lost on the way.
 */
export async function datagramsWithoutRoom(namespace: Namespace): Promise<() => Promise<number>> {
  const read = async (): Promise<number> => {
    const udp = (await namespace.exec('cat', ['/proc/net/snmp']))
      .split('\n')
      .filter((line) => line.startsWith('Udp: '))
    const [names = [], values = []] = udp.map((line) => line.split(' '))
    return Number(values[names.indexOf('RcvbufErrors')])
  }
  const before = await read()
  return async () => (await read()) - before
}
