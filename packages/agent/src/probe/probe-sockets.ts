import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import type { Family } from '@selvedge/core/kit'

export interface ProbeSocketsOptions {
  readonly family: Family
  /** This node's own address in the overlay. */
  readonly address: string
  /** Of this node and of its peers. */
  readonly port: number
  /** From a peer's address, to answer by `reply`. */
  readonly onMessage: (bytes: Buffer, address: string, reply: (bytes: Buffer) => void) => void
  /** Nothing listens at a peer to which `bytes` was sent from a connected socket. */
  readonly onRefused: (address: string, bytes: Buffer) => void
  /** The socket failed, or could not be bound; dispose of it. */
  readonly onError: (error: Error) => void
}

/** At most so many connected sockets are open; what is more goes through the shared one. */
const MAX_CONNECTED = 128
/** No refusal comes later. */
const CONNECTED_MS = 2_000

/** The sockets of one family: one bound to this node's overlay address, and short-lived connected ones. */
export class ProbeSockets {
  readonly #options: ProbeSocketsOptions
  readonly #shared: Socket
  readonly #connected = new Set<Socket>()
  #isBound = false
  #isClosed = false

  constructor(options: ProbeSocketsOptions) {
    this.#options = options
    const { address, port, onMessage, onError } = options
    const shared = createSocket(this.#socketOptions)
    this.#shared = shared
    // A bind that fails says so at once, before there is anything to dispose of.
    shared.on('error', (error) => queueMicrotask(() => onError(error)))
    shared.on('message', (bytes, from) => {
      onMessage(bytes, from.address, (answer) => this.#send(answer, from.port, from.address))
    })
    shared.bind({ address, port, exclusive: true }, () => {
      this.#isBound = true
    })
  }

  get address(): string {
    return this.#options.address
  }

  /** What cannot be sent is lost, as on the network. */
  send(bytes: Buffer, address: string, connected: boolean): void {
    if (!this.#isBound) return
    if (connected && this.#connected.size < MAX_CONNECTED) this.#sendConnected(bytes, address)
    else this.#send(bytes, this.#options.port, address)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isBound = false
    for (const socket of this.#connected) socket.close()
    this.#connected.clear()
    this.#shared.close()
  }

  get #socketOptions(): SocketOptions {
    const { family } = this.#options
    return {
      type: `udp${family}`,
      ipv6Only: family === 6,
      // Addresses are literal: there is nothing to look up, and asking for each datagram would cost more than sending it.
      lookup: (host, _, done) => done(null, host, family),
    }
  }

  #send(bytes: Buffer, port: number, address: string): void {
    if (this.#isBound) this.#shared.send(bytes, port, address, () => undefined)
  }

  #sendConnected(bytes: Buffer, address: string): void {
    const { onMessage, onRefused, port } = this.#options
    const socket = createSocket(this.#socketOptions)
    this.#connected.add(socket)
    const timer = setTimeout(() => close(), CONNECTED_MS)
    const close = () => {
      clearTimeout(timer)
      if (this.#connected.delete(socket)) socket.close()
    }
    socket.on('error', (error) => {
      close()
      if (Reflect.get(error, 'code') === 'ECONNREFUSED') onRefused(address, bytes)
    })
    socket.on('message', (answer) => {
      close()
      onMessage(answer, address, () => undefined)
    })
    socket.bind({ address: this.#options.address, exclusive: true }, () => {
      if (!this.#connected.has(socket)) return
      // Called with an error too, such as that a route refuses the address: the probe is lost, as on the network.
      socket.connect(port, address, (error?: Error) => {
        if (error !== undefined) return close()
        if (this.#connected.has(socket)) socket.send(bytes, () => undefined)
      })
    })
  }
}
