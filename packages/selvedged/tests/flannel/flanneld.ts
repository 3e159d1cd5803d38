import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseSubnetEnv, type SubnetEnv } from '@selvedge/core'
import { type Child, type Host, until, within } from '@selvedge/lab'
import type { FlannelHost } from './flannel-host.js'

export interface FlanneldOptions {
  /** The path of a flanneld. */
  readonly program: string
  readonly host: Host
  /** etcd's. */
  readonly endpoint: string
  readonly subnetFile: string
  /** Of its environment. */
  readonly variables?: Readonly<Record<string, string>>
  /** A shell command to run before it, in the mount namespace that it will have. */
  readonly before?: string
}

/** flanneld itself. */
export class Flanneld implements FlannelHost {
  readonly host: Host
  readonly #options: FlanneldOptions
  #child: Child | undefined

  constructor(options: FlanneldOptions) {
    this.host = options.host
    this.#options = options
  }

  async start(): Promise<void> {
    const { program, host, endpoint, subnetFile, variables = {}, before = ':' } = this.#options
    await mkdir(dirname(subnetFile), { recursive: true })
    const flags = [`--etcd-endpoints=${endpoint}`, `--subnet-file=${subnetFile}`, '--ip-masq']
    const environment = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
    const command = ['env', ...environment, program, ...flags]
    const child = host.spawn('sh', ['-ec', `${before}; exec "$@"`, 'sh', ...command])
    this.#child = child
    let log = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      log += chunk
    })
    await until(`flanneld on ${host.name} to run its backend and to have its rules`, async () => {
      if (child.exitCode !== null) throw new Error(`flanneld has ended:\n${log}`)
      const rules = log.match(/bootstrap done/g)?.length ?? 0
      return log.includes('Running backend') && rules >= 2 ? true : undefined
    })
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    await within('flanneld to end', 5000, closed)
  }

  async subnetEnv(): Promise<Partial<SubnetEnv>> {
    return parseSubnetEnv(await readFile(this.#options.subnetFile, 'utf8'))
  }
}
