import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { AbortOptions } from '@selvedge/core'
import type { ViciSection } from './message.js'
import { encodePacket, PACKET, type Packet, PacketSplitter } from './packet.js'
import { parseViciUri } from './uri.js'

/** charon answers within milliseconds; one that is stopped never does. */
const ANSWER_TIMEOUT_MS = 5000

/** What one command may stream before its answer: 65,000 connections of 1 KB. */
const MAX_EVENTS = 70_000

export interface ViciOptions extends AbortOptions {
  /** How long an answer may take, in milliseconds. Default: 5000. */
  readonly timeoutMs?: number | undefined
}

export interface ViciEvent {
  readonly name: string
  readonly message: ViciSection
}

/**
 * A connection to charon, for one command at a time. It is closed by a command that charon does not answer, or answers
 * with something that is no vici. Methods reject with an Error that names the command, and never what was sent with it,
 * or with the reason of an aborted signal.
 */
export class ViciClient implements Disposable {
  readonly #socket: Socket
  readonly #splitter = new PacketSplitter()
  #onAnswer: ((packet: Packet) => void) | undefined
  #onEvent: ((event: ViciEvent) => void) | undefined
  readonly #ending = new AbortController()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('charon ended the connection')))
  }

  /** Undefined if no process listens there. Rejects if one does, and cannot be reached. */
  static async open(uri: string, options: ViciOptions = {}): Promise<ViciClient | undefined> {
    const { signal, timeoutMs = ANSWER_TIMEOUT_MS } = options
    const socket = connect(parseViciUri(uri))
    const giveUp = AbortSignal.timeout(timeoutMs)
    try {
      await once(socket, 'connect', {
        signal: signal === undefined ? giveUp : AbortSignal.any([signal, giveUp]),
      })
      return new ViciClient(socket)
    } catch (error) {
      socket.destroy()
      signal?.throwIfAborted()
      if (giveUp.aborted) throw new Error(`charon took no connection at ${uri} within ${timeoutMs} ms`)
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
      throw error
    }
  }

  /** Sends a command, and resolves with charon's answer. Rejects with charon's reason if it says that it failed. */
  async command(name: string, message: ViciSection = {}, options: ViciOptions = {}): Promise<ViciSection> {
    const answer = await this.#exchange(name, encodePacket(PACKET.request, name, message), options)
    if (answer.type === PACKET.unknownCommand) throw new Error(`charon has no command ${name}`)
    if (answer.type !== PACKET.response) throw this.#unexpected(name, answer)
    const { success, errmsg } = answer.message
    if (success === 'no') throw new Error(`charon answered to ${name}: ${String(errmsg ?? 'no')}`)
    return answer.message
  }

  /** Sends a command whose answer are events of this name, and resolves with their messages. */
  async stream(
    name: string,
    event: string,
    message: ViciSection = {},
    options: ViciOptions = {},
  ): Promise<readonly ViciSection[]> {
    const messages: ViciSection[] = []
    await this.#register(PACKET.registerEvent, event, options)
    this.#onEvent = (one) => {
      if (one.name !== event) return
      messages.push(one.message)
      if (messages.length > MAX_EVENTS) this.#end(new Error(`charon answers to ${name} without end`))
    }
    try {
      await this.command(name, message, options)
    } finally {
      this.#onEvent = undefined
    }
    await this.#register(PACKET.unregisterEvent, event, options)
    return messages
  }

  /** Events of these names, until the signal aborts; ends if the connection does. No command may be sent meanwhile. */
  async *events(
    names: readonly string[],
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<ViciEvent> {
    const queue: ViciEvent[] = []
    let wake = () => {}
    this.#onEvent = (event) => {
      // Events only say where to look: of very many, the first say so too.
      if (queue.length < MAX_EVENTS) queue.push(event)
      wake()
    }
    const ended = AbortSignal.any([options.signal, this.#ending.signal])
    ended.addEventListener('abort', () => wake(), { once: true })
    for (const name of names) await this.#register(PACKET.registerEvent, name, options)
    while (!ended.aborted) {
      const event = queue.shift()
      if (event !== undefined) yield event
      else if (!ended.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  }

  [Symbol.dispose](): void {
    this.#end(new Error('the connection to charon was closed'))
  }

  async #register(
    type: typeof PACKET.registerEvent | typeof PACKET.unregisterEvent,
    event: string,
    options: ViciOptions,
  ): Promise<void> {
    const answer = await this.#exchange(event, encodePacket(type, event), options)
    if (answer.type === PACKET.unknownEvent) throw new Error(`charon has no event ${event}`)
    if (answer.type !== PACKET.confirmEvent) throw this.#unexpected(event, answer)
  }

  async #exchange(
    name: string,
    request: Buffer,
    { signal, timeoutMs = ANSWER_TIMEOUT_MS }: ViciOptions,
  ): Promise<Packet> {
    if (this.#onAnswer !== undefined)
      throw new TypeError(`${name} while charon has another command to answer`)
    signal?.throwIfAborted()
    const giveUp = AbortSignal.timeout(timeoutMs)
    const limits = [giveUp, this.#ending.signal, ...(signal === undefined ? [] : [signal])]
    const limit = AbortSignal.any(limits)
    const answer = new Promise<Packet>((resolve, reject) => {
      this.#onAnswer = resolve
      const stop = () => reject(limit.reason)
      if (limit.aborted) stop()
      else limit.addEventListener('abort', stop, { once: true })
    })
    this.#socket.write(request)
    try {
      return await answer
    } catch (error) {
      const reason = giveUp.aborted
        ? new Error(`charon did not answer to ${name} within ${timeoutMs} ms`)
        : error
      // An answer that comes yet would be taken for that to another command.
      this.#end(reason instanceof Error ? reason : new Error(`${name} was given up`))
      signal?.throwIfAborted()
      throw reason
    } finally {
      this.#onAnswer = undefined
    }
  }

  #receive(chunk: Buffer): void {
    try {
      for (const packet of this.#splitter.push(chunk)) {
        if (packet.type === PACKET.event) this.#onEvent?.({ name: packet.name, message: packet.message })
        else this.#onAnswer?.(packet)
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #end(reason: Error): void {
    this.#ending.abort(reason)
    this.#socket.destroy()
  }

  #unexpected(name: string, { type }: Packet): Error {
    const error = new Error(`charon answered to ${name} with a packet of type ${type}`)
    this.#end(error)
    return error
  }
}
