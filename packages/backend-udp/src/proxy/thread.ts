import { closeSync, writeSync } from 'node:fs'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { OverlayError } from '@selvedge/core'
import type { UdpPeerResource, UdpProxyResource } from '../resource.js'
import type { Report, Request, ThreadData, ThreadError } from './messages.js'

/** Built beside this module, and put there by the bundler too. Importing it does nothing; its `run` is the thread. */
const WORKER = new URL('./worker.js', import.meta.url)
const PROGRAM = `import('${WORKER}').then(({ run }) => run(require('node:worker_threads').workerData))`

export interface ThreadOptions {
  readonly namespace: string | undefined
  readonly counters: SharedArrayBuffer
  /** The device is gone. */
  readonly onDetached: () => void
  /** The thread has ended, though it was not asked to. */
  readonly onFailed: (error: OverlayError) => void
}

interface Pending {
  readonly resolve: () => void
  readonly reject: (error: OverlayError) => void
}

/** The thread of a proxy, as seen from the main thread. */
export class ProxyThread {
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #pending = new Map<number, Pending>()
  readonly #options: ThreadOptions
  readonly #ended: Promise<void>
  #wake: number | undefined
  #nextId = 1
  #isClosing = false
  #failure: OverlayError | undefined

  constructor(options: ThreadOptions) {
    this.#options = options
    const { port1, port2 } = new MessageChannel()
    const workerData: ThreadData = {
      port: port2,
      namespace: options.namespace,
      counters: options.counters,
    }
    this.#port = port1
    this.#worker = new Worker(PROGRAM, { eval: true, workerData, transferList: [port2], name: 'udp-proxy' })
    port1.on('message', (report: Report) => this.#take(report))
    // What waits for an answer keeps the process alive by other means, and what does not must not.
    port1.unref()
    this.#worker.unref()
    this.#worker.on('error', (error) => this.#fail({ message: String(error), errno: undefined }))
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#onExit(code)
        resolve()
      })
    })
  }

  /** Attaches to the device. Rejects with `DRIVER_REFUSED` and what the kernel said. */
  attach(proxy: UdpProxyResource): Promise<void> {
    return this.#ask((id) => ({ type: 'attach', id, proxy }))
  }

  detach(): Promise<void> {
    return this.#ask((id) => ({ type: 'detach', id }))
  }

  setPeers(put: readonly UdpPeerResource[], deleted: readonly string[]): Promise<void> {
    return this.#ask((id) => ({ type: 'peers', id, put, deleted }))
  }

  /** Ends the thread, and waits for it. The device stays, without a process behind it. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#worker.ref()
    this.#send({ type: 'close' })
    await this.#ended
  }

  #ask(request: (id: number) => Request): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = this.#nextId
    this.#nextId += 1
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#port.ref()
      this.#send(request(id))
    })
  }

  #send(request: Request): void {
    this.#port.postMessage(request)
    this.#wakeUp()
  }

  #wakeUp(): void {
    if (this.#wake !== undefined) writeSync(this.#wake, ONE)
  }

  #take(report: Report): void {
    switch (report.type) {
      case 'ready':
        this.#wake = report.wake
        this.#wakeUp()
        break
      case 'answer':
        this.#settle(report.id, report.error)
        break
      case 'detached':
        this.#options.onDetached()
        break
      case 'failed':
        this.#fail(report.error)
        break
    }
  }

  #settle(id: number, error: ThreadError | undefined): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#port.unref()
    if (error === undefined) pending?.resolve()
    else pending?.reject(refusal(error))
  }

  #fail(error: ThreadError): void {
    if (this.#failure !== undefined) return
    this.#failure = refusal(error)
    for (const { reject } of this.#pending.values()) reject(this.#failure)
    this.#pending.clear()
  }

  #onExit(code: number): void {
    if (this.#wake !== undefined) closeSync(this.#wake)
    this.#wake = undefined
    this.#port.close()
    this.#fail({ message: `the thread of the udp proxy has ended with ${code}`, errno: undefined })
    if (!this.#isClosing && this.#failure !== undefined) this.#options.onFailed(this.#failure)
  }
}

/** What an eventfd takes: a count to add. */
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer)

function refusal({ message, errno }: ThreadError): OverlayError {
  const code = errno === 'EPERM' || errno === 'EACCES' ? 'ACCESS_DENIED' : 'DRIVER_REFUSED'
  return new OverlayError(code, message, errno === undefined ? {} : { errno })
}
