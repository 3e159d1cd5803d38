import { once } from 'node:events'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Namespace } from '../namespace.js'
import { within } from '../until.js'
import type { ApiKey } from './signature.js'

/** As built: a process of its own cannot run TypeScript. */
const PROGRAM = fileURLToPath(new URL('../../dist/tencent-cloud/main.js', import.meta.url))

export interface CloudSettings {
  /** To listen at, which instances reach. */
  readonly address: string
  /** As `TencentCloud.start`. */
  readonly prefix: string
  readonly key: ApiKey
  /** The private addresses of the instances. */
  readonly instances: readonly string[]
  /** Path of the Unix socket for commands. */
  readonly controlSocket: string
}

/** A `TencentCloud` in a namespace, which routes between the instances as its VPC's route table says. */
export class TencentCloudProcess {
  /** For `Endpoint`. */
  readonly endpoint: string
  readonly #socket: string

  private constructor(endpoint: string, socket: string) {
    this.endpoint = endpoint
    this.#socket = socket
  }

  /** Starts one, which ends with the namespace's other processes. */
  static async start(namespace: Namespace, settings: CloudSettings): Promise<TencentCloudProcess> {
    const child = namespace.spawn(process.execPath, [PROGRAM, JSON.stringify(settings)])
    const errors = text(child.stderr)
    const ended = once(child, 'close').then(async () => {
      throw new Error(`the cloud has ended: ${await errors}`)
    })
    ended.catch(() => {})
    const line = once(createInterface(child.stdout), 'line').then(([endpoint]) => String(endpoint))
    return new TencentCloudProcess(
      await within('the cloud to listen', 10_000, Promise.race([line, ended])),
      settings.controlSocket,
    )
  }

  metadataUrl(address: string): string {
    return `${this.endpoint}/ins-${address.replaceAll('.', '-')}/latest/meta-data/`
  }

  /** As `TencentCloud.toText`. */
  state(): Promise<string> {
    return this.#ask('GET', '/state')
  }

  /** Deletes the routes of a destination, as in the console. */
  async delete(destination: string): Promise<void> {
    await this.#ask('POST', `/delete?${encodeURIComponent(destination)}`)
  }

  async #ask(method: string, path: string): Promise<string> {
    const sent = request({ socketPath: this.#socket, method, path }).end()
    const [response] = await once(sent, 'response')
    return await text(response)
  }
}
