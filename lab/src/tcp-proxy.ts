import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Carries the data of one connection: `near` is the client's end, `far` the server's. */
type Relay = (near: Socket, far: Socket) => void

const passAll: Relay = (near, far) => {
  near.pipe(far).pipe(near)
}

/** A connection to a server on loopback that can be cut. */
export class TcpProxy implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>
  #open = true

  /** @param relay passes everything on by default */
  static async to(port: number, relay = passAll): Promise<TcpProxy> {
    const sockets = new Set<Socket>()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new TcpProxy(server, sockets)
    server.on('connection', (near) => {
      if (!proxy.#open) {
        near.resetAndDestroy()
        return
      }
      const far = connect(port, '127.0.0.1')
      relay(near, far)
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => other.destroy())
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
      }
    })
    return proxy
  }

  private constructor(server: Server, sockets: Set<Socket>) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
    this.port = address.port
    this.#server = server
    this.#sockets = sockets
  }

  /** Breaks every connection, and refuses new ones. */
  cut(): void {
    this.#open = false
    this.breakAll()
  }

  /** Breaks every connection; new ones are accepted. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  mend(): void {
    this.#open = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
