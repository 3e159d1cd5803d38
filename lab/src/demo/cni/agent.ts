import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Host } from '../../host.js'
import type { Child } from '../../namespace.js'
import { until, within } from '../../until.js'

const PROGRAM = fileURLToPath(new URL('../../../../packages/selvedged/bin/selvedged.js', import.meta.url))

/** `selvedged` on a host of the demo, with its files in a folder. */
export class Agent {
  readonly subnetFile: string
  readonly controlSocket: string
  readonly #host: Host
  readonly #child: Child
  #log = ''

  private constructor(host: Host, folder: string, child: Child) {
    this.#host = host
    this.#child = child
    this.subnetFile = join(folder, 'subnet.env')
    this.controlSocket = join(folder, 'control.sock')
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      this.#log += chunk
    })
  }

  /** @param flags those that name its store */
  static start(host: Host, folder: string, flags: readonly string[], nodeName: string): Agent {
    const files = [
      `--subnet-file=${join(folder, 'subnet.env')}`,
      `--lease-cache=${join(folder, 'leases')}`,
      `--control-socket=${join(folder, 'control.sock')}`,
    ]
    const child = host.spawn('env', [
      `NODE_NAME=${nodeName}`,
      process.execPath,
      PROGRAM,
      ...flags,
      ...files,
      '--ip-masq',
    ])
    return new Agent(host, folder, child)
  }

  /** Why it is not ready; undefined if it is, or as long as it does not answer. */
  async whyNotReady(): Promise<string | undefined> {
    const { status, body } = await this.#ask().catch(() => ({ status: 0, body: '' }))
    return status === 503 ? body : undefined
  }

  async ready(): Promise<void> {
    await until(
      `selvedged on ${this.#host.name} to be ready`,
      async () => {
        if (this.#child.exitCode !== null) throw new Error(`selvedged has ended: ${this.#log}`)
        return (await this.#ask().catch(() => undefined))?.status === 200 ? true : undefined
      },
      { timeoutMs: 30_000, signal: this.#host.signal },
    )
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    await within(`selvedged on ${this.#host.name} to stop`, 5_000, closed)
  }

  #ask(): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      request({ socketPath: this.controlSocket, path: '/readyz' }, async (response) => {
        resolve({ status: response.statusCode ?? 0, body: await text(response) })
      })
        .on('error', reject)
        .end()
    })
  }
}
