import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy in front of the API server that can be cut like a cable. */
export class TcpProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #url = ''
  #cut = false
  #frozen = false
  #idleMs = 0

  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(target))
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    const address = proxy.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    proxy.#url = `https://127.0.0.1:${address.port}`
    return proxy
  }

  private constructor(target: URL) {
    this.#server = createServer((near) => {
      if (this.#cut) return void near.destroy()
      const far = connect(Number(target.port), target.hostname)
      this.#join(near, far)
      this.#join(far, near)
    })
  }

  get url(): string {
    return this.#url
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#sockets.size / 2
  }

  /** From now on, closes each connection that carries nothing for so long, in ms, as balancers do. */
  closeIdleAfter(idleMs: number): void {
    this.#idleMs = idleMs
  }

  /** Breaks all connections, and refuses new ones. */
  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Forwards nothing any more, and closes nothing. */
  freeze(): void {
    this.#frozen = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** Accepts new connections again. Frozen ones stay frozen. */
  restore(): void {
    this.#cut = false
    this.#frozen = false
  }

  async stop(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    // A write resets it too.
    from.setTimeout(this.#idleMs, () => from.destroy())
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', () => {
      if (!this.#frozen) from.resume()
    })
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
    from.on('error', () => {})
    if (this.#frozen) from.pause()
  }
}
