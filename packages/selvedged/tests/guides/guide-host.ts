import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Child, Host, Lab, PluginHost, RunOptions } from '@selvedge/lab'
import { holdMounts } from '../cli/mount-holder.js'

const bin = (name: string) => fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url))
const EXAMPLES = fileURLToPath(new URL('../../../../examples/', import.meta.url))

/** Where a host that follows a guide writes. */
const PRIVATE_FILES = [
  'mkdir -p /run/flannel /run/selvedge',
  'for folder in /run/flannel /run/selvedge /var/lib; do mount -t tmpfs tmpfs $folder; done',
  'mount -t tmpfs tmpfs /mnt && cp -a /etc/. /mnt/ && mount --move /mnt /etc',
].join('\n')

/**
 * A host on which the blocks of a guide are run as they stand: with `selvedged` and `selvedge` in its PATH, and files of its own
 * at the places that they name.
 */
export class GuideHost implements PluginHost {
  readonly host: Host
  readonly #holder: Child
  readonly #environment: readonly string[]

  private constructor(host: Host, holder: Child, environment: readonly string[]) {
    this.host = host
    this.#holder = holder
    this.#environment = environment
  }

  /** @param variables of the environment of all that is run, such as `ETCDCTL_ENDPOINTS=…` */
  static async prepare(lab: Lab, host: Host, variables: readonly string[] = []): Promise<GuideHost> {
    const folder = join(lab.directory, 'bin')
    await mkdir(folder, { recursive: true })
    for (const name of ['selvedged', 'selvedge']) {
      const path = join(folder, name)
      await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${bin(name)}' "$@"\n`)
      await chmod(path, 0o755)
    }
    const environment = [`PATH=${folder}:${process.env.PATH}`, ...variables]
    return new GuideHost(host, await holdMounts(host, PRIVATE_FILES), environment)
  }

  get name(): string {
    return this.host.name
  }

  get namespace(): string {
    return this.host.namespace
  }

  get signal(): AbortSignal | undefined {
    return this.host.signal
  }

  /** Runs a command to its end. */
  exec(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return this.host.exec('nsenter', [...this.#enter, command, ...args], options)
  }

  /** The same of a shell. */
  sh(script: string): Promise<string> {
    return this.exec('sh', ['-euc', script])
  }

  /** Runs a file of `examples/` to its end, as it is. */
  run(file: string): Promise<string> {
    return this.exec('sh', ['-eu', `${EXAMPLES}${file}`])
  }

  /** Starts a program there, as the unit of systemd does: by a shell line that may use variables of a file of `examples/`. */
  start(line: string, file?: string): Child {
    const variables = file === undefined ? '' : `. '${EXAMPLES}${file}'; `
    return this.host.spawn('nsenter', [...this.#enter, 'sh', '-euc', `${variables}exec ${line}`])
  }

  get #enter(): readonly string[] {
    return [`--mount=/proc/${this.#holder.pid}/ns/mnt`, '--', 'env', ...this.#environment]
  }
}
