import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A connection to a server on loopback that loses the answer to one request, and breaks with it. */
export class LosingProxy implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>
  /** Matches the request whose answer is to be lost; undefined for none. */
  #loses: RegExp | undefined
  /** How many were lost. */
  lost = 0

  static async to(port: number): Promise<LosingProxy> {
    const sockets = new Set<Socket>()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new LosingProxy(server, sockets)
    server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1')
      let isCut = false
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
      near.on('data', (data) => {
        if (!isCut && proxy.#loses?.test(data.toString('latin1')) === true) {
          proxy.#loses = undefined
          proxy.lost += 1
          isCut = true
        }
        far.write(data)
      })
      // What the server says now shows that it has read the request, and stored it.
      far.on('data', (data) => {
        if (isCut && /"seq":|"error":/.test(data.toString('latin1'))) near.resetAndDestroy()
        else near.write(data)
      })
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

  /** The next request that matches runs, and its answer is lost. */
  loseAnswerTo(request: RegExp): void {
    this.#loses = request
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
