import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Host } from '../host.js'
import { Namespace } from '../namespace.js'
import { CommandError, run } from '../run.js'

/** Where Debian's containernetworking-plugins puts them. */
const DEBIAN_PLUGINS = '/usr/lib/cni'
/** As `npm run build` leaves it. */
const PROGRAM = fileURLToPath(new URL('../../../packages/cni/bundle/flannel.cjs', import.meta.url))

export interface Plugin {
  readonly type: string
  readonly capabilities?: Readonly<Record<string, boolean>>
  readonly [key: string]: unknown
}

export interface NetworkList {
  readonly name: string
  readonly cniVersion?: string
  readonly plugins: readonly Plugin[]
}

/** What a plugin answers to ADD, since CNI 1.0. */
export interface Result {
  readonly interfaces?: readonly { readonly name: string; readonly sandbox?: string }[]
  readonly ips?: readonly { readonly address: string; readonly gateway?: string }[]
  readonly [key: string]: unknown
}

/** A CNI error as a plugin wrote it. */
export class PluginFailure extends Error {
  readonly code: number

  constructor(code: number, msg: string) {
    super(msg)
    this.code = code
  }
}

export interface Container {
  readonly id: string
  readonly netns: Namespace
}

/** Where plugins run: a host, or one whose files are its own. */
export type PluginHost = Pick<Host, 'name' | 'namespace' | 'signal' | 'exec'>

/** What libcni keeps of an ADD, for CHECK and DEL. */
interface Attachment {
  readonly result: Result
  readonly capabilities: Readonly<Record<string, unknown>>
}

/**
 * What a container runtime does with the plugins of a network, as libcni does it: each in turn with the result of the
 * one before, for DEL in reverse. The plugins run in the host's namespace.
 */
export class Runtime {
  /** Where stand-ins for plugins may be put, beside `flannel` itself: the first folder of CNI_PATH. */
  readonly folder: string
  readonly #host: PluginHost
  readonly #attachments = new Map<string, Attachment>()
  #containers = 0

  private constructor(host: PluginHost, folder: string) {
    this.#host = host
    this.folder = folder
  }

  /** @param directory for the runtime's files */
  static async create(host: PluginHost, directory: string): Promise<Runtime> {
    const folder = join(directory, `${host.name}-cni-bin`)
    await mkdir(folder, { recursive: true })
    // As an installer does: nothing but the one file, and no name that ends in .cjs.
    await copyFile(PROGRAM, join(folder, 'flannel'))
    return new Runtime(host, folder)
  }

  /** A container without any interface but `lo`. */
  async container(): Promise<Container> {
    this.#containers += 1
    const name = `${this.#host.namespace}c${this.#containers}`
    await run('ip', ['netns', 'add', name])
    return { id: `container-${this.#containers}`, netns: new Namespace(name, this.#host.signal) }
  }

  /** The same for many, in one process. */
  async containers(number: number): Promise<readonly Container[]> {
    const made = Array.from({ length: number }, () => {
      this.#containers += 1
      const name = `${this.#host.namespace}c${this.#containers}`
      return { id: `container-${this.#containers}`, netns: new Namespace(name, this.#host.signal) }
    })
    await run('ip', ['-batch', '-'], {
      input: made.map(({ netns }) => `netns add ${netns.namespace}\n`).join(''),
    })
    return made
  }

  async add(
    list: NetworkList,
    container: Container,
    { ifName = 'eth0', capabilities = {} }: { ifName?: string; capabilities?: Record<string, unknown> } = {},
  ): Promise<Result> {
    let prevResult: Result | undefined
    for (const plugin of list.plugins) {
      const config = { ...this.#config(list, plugin, capabilities), ...(prevResult && { prevResult }) }
      prevResult = JSON.parse(await this.call('ADD', plugin.type, config, { container, ifName }))
    }
    const result = prevResult ?? {}
    this.#attachments.set(`${list.name} ${container.id} ${ifName}`, { result, capabilities })
    return result
  }

  async del(list: NetworkList, container: Container, { ifName = 'eth0' } = {}): Promise<void> {
    const { result, capabilities = {} } = this.#attachment(list, container, ifName)
    for (const plugin of list.plugins.toReversed()) {
      const config = { ...this.#config(list, plugin, capabilities), ...(result && { prevResult: result }) }
      await this.call('DEL', plugin.type, config, { container, ifName })
    }
  }

  async check(list: NetworkList, container: Container, { ifName = 'eth0' } = {}): Promise<void> {
    const { result, capabilities = {} } = this.#attachment(list, container, ifName)
    for (const plugin of list.plugins) {
      const config = { ...this.#config(list, plugin, capabilities), prevResult: result }
      await this.call('CHECK', plugin.type, config, { container, ifName })
    }
  }

  async status(list: NetworkList): Promise<void> {
    for (const plugin of list.plugins) await this.call('STATUS', plugin.type, this.#config(list, plugin, {}))
  }

  async gc(list: NetworkList, valid: readonly { containerID: string; ifname: string }[]): Promise<void> {
    for (const plugin of list.plugins) {
      await this.call('GC', plugin.type, {
        ...this.#config(list, plugin, {}),
        'cni.dev/valid-attachments': valid,
      })
    }
  }

  /** Runs one plugin; resolves with what it wrote, rejects with a `PluginFailure`. */
  async call(
    verb: string,
    type: string,
    config: object | string,
    { container, ifName }: { container?: Container; ifName?: string } = {},
  ): Promise<string> {
    const env = this.environment(verb, container, ifName)
    const input = typeof config === 'string' ? config : JSON.stringify(config)
    try {
      return await this.#host.exec('env', [...env, await this.#find(type)], { input, timeoutMs: 30_000 })
    } catch (error) {
      if (!(error instanceof CommandError) || !error.stdout.startsWith('{')) throw error
      const { code, msg } = JSON.parse(error.stdout)
      throw new PluginFailure(code, msg)
    }
  }

  /**
   * Calls the plugin, and kills it if it has not ended by then.
   * @returns whether it was killed
   */
  async killAfter(delayMs: number, verb: string, config: object, container: Container): Promise<boolean> {
    const command = ['env', ...this.environment(verb, container, 'eth0'), join(this.folder, 'flannel')]
    const child = spawn('ip', ['netns', 'exec', this.#host.namespace, ...command], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const ended = once(child, 'close')
    child.stdin.on('error', () => undefined) // killed before it has read
    child.stdin.end(JSON.stringify(config))
    const timer = setTimeout(() => child.kill('SIGKILL'), delayMs)
    const [, killer] = await ended
    clearTimeout(timer)
    return killer === 'SIGKILL'
  }

  /** What a plugin's environment holds, as arguments of `env`. */
  environment(verb: string, container?: Container, ifName?: string): readonly string[] {
    return [
      `CNI_COMMAND=${verb}`,
      `CNI_PATH=${this.folder}:${DEBIAN_PLUGINS}`,
      ...(container === undefined
        ? []
        : [`CNI_CONTAINERID=${container.id}`, `CNI_NETNS=/run/netns/${container.netns.namespace}`]),
      ...(ifName === undefined ? [] : [`CNI_IFNAME=${ifName}`]),
    ]
  }

  #attachment({ name }: NetworkList, { id }: Container, ifName: string): Partial<Attachment> {
    return this.#attachments.get(`${name} ${id} ${ifName}`) ?? {}
  }

  async #find(type: string): Promise<string> {
    return type === 'flannel' ? join(this.folder, type) : `${DEBIAN_PLUGINS}/${type}`
  }

  /** What libcni makes of a plugin's entry in a list: capability arguments go to the plugins that declare them. */
  #config(
    { name, cniVersion }: NetworkList,
    plugin: Plugin,
    given: Readonly<Record<string, unknown>>,
  ): object {
    const { capabilities = {}, ...config } = plugin
    const asked = Object.entries(given).filter(([key]) => capabilities[key] === true)
    return {
      ...config,
      name,
      ...(cniVersion !== undefined && { cniVersion }),
      ...(asked.length > 0 && { runtimeConfig: Object.fromEntries(asked) }),
    }
  }
}
