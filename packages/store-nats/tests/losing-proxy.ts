import type { Socket } from 'node:net'
import { TcpProxy } from '@selvedge/lab'

interface Losses {
  /** Matches the request whose answer is to be lost; undefined for none. */
  next: RegExp | undefined
  count: number
}

/** A connection to a server on loopback that loses the answer to one request, and breaks with it. */
export class LosingProxy implements AsyncDisposable {
  readonly #proxy: TcpProxy
  readonly #losses: Losses

  static async to(port: number): Promise<LosingProxy> {
    const losses: Losses = { next: undefined, count: 0 }
    return new LosingProxy(await TcpProxy.to(port, (near, far) => relay(near, far, losses)), losses)
  }

  private constructor(proxy: TcpProxy, losses: Losses) {
    this.#proxy = proxy
    this.#losses = losses
  }

  get port(): number {
    return this.#proxy.port
  }

  /** How many were lost. */
  get lost(): number {
    return this.#losses.count
  }

  /** The next request that matches runs, and its answer is lost. */
  loseAnswerTo(request: RegExp): void {
    this.#losses.next = request
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#proxy[Symbol.asyncDispose]()
  }
}

function relay(near: Socket, far: Socket, losses: Losses): void {
  let isCut = false
  near.on('data', (data) => {
    if (!isCut && losses.next?.test(data.toString('latin1')) === true) {
      losses.next = undefined
      losses.count += 1
      isCut = true
    }
    far.write(data)
  })
  // What the server says now shows that it has read the request, and stored it.
  far.on('data', (data) => {
    if (isCut && /"seq":|"error":/.test(data.toString('latin1'))) near.resetAndDestroy()
    else near.write(data)
  })
}
