import { chmod, copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Child, Host, Lab, PluginHost, RunOptions } from '@selvedge/lab'
import { holdMounts } from '../cli/mount-holder.js'
import { installPrograms } from '../document-shell.js'

const EXAMPLES = fileURLToPath(new URL('../../../../examples/', import.meta.url))

const SERVICE = fileURLToPath(new URL('../../../../deploy/host/selvedged-service', import.meta.url))

/** No namespace has systemd: `systemctl restart UNIT` is done by a script `UNIT-service`, for selvedged that of hosts without it. */
const SYSTEMCTL = `#!/bin/sh
case $1 in enable) verb=start ;; disable) verb=stop ;; *) verb=$1 ;; esac
for unit; do :; done
exec "$unit-service" "$verb"
`

/** Where a host that follows a guide writes. */
const PRIVATE_FILES = [
  'mkdir -p /run/flannel /run/selvedge',
  'for folder in /run/flannel /run/selvedge /var/lib /var/log /var/cache; do mount -t tmpfs tmpfs $folder; done',
  'mount -t tmpfs tmpfs /mnt && cp -a /etc/. /mnt/ && mount --move /mnt /etc',
].join('\n')

/**
 * A host on which the blocks of a guide are run as they stand: with `selvedged` and `selvedge` in its PATH, and files of its own
 * at the places that they name.
 */
export class GuideHost implements PluginHost {
  readonly host: Host
  readonly #holder: Child
  /** Of programs that come first in its PATH. */
  readonly #folder: string
  readonly #variables: readonly string[]

  private constructor(host: Host, holder: Child, folder: string, variables: readonly string[]) {
    this.host = host
    this.#holder = holder
    this.#folder = folder
    this.#variables = variables
  }

  /** @param variables of the environment of all that is run, such as `ETCDCTL_ENDPOINTS=…` */
  static async prepare(lab: Lab, host: Host, variables: readonly string[] = []): Promise<GuideHost> {
    const folder = join(lab.directory, `${host.name}-bin`)
    const holder = await holdMounts(host, PRIVATE_FILES)
    const prepared = new GuideHost(host, holder, folder, variables)
    await installPrograms(folder)
    await prepared.#install('systemctl', SYSTEMCTL)
    await copyFile(SERVICE, join(folder, 'selvedged-service'))
    return prepared
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

  /** Runs a command to its end, by default within half a minute: some are programs of Python, or wait for others. */
  exec(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return this.host.exec('nsenter', [...this.#enter, command, ...args], { timeoutMs: 30_000, ...options })
  }

  /** The same of a shell. */
  sh(script: string): Promise<string> {
    return this.exec('sh', ['-euc', script])
  }

  /** Runs a file of `examples/` to its end, as it is. */
  run(file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return this.exec('sh', ['-eu', `${EXAMPLES}${file}`, ...args], options)
  }

  /** From now on `ssh NAME COMMAND`, on any host of the lab, runs a command on one of these. No namespace has a server of it. */
  async reach(hosts: readonly GuideHost[]): Promise<void> {
    const cases = hosts.map(
      (each) => `${each.name}) enter="--net=/run/netns/${each.namespace} ${each.#mounts}" ;;`,
    )
    const script = ['#!/bin/sh', `case $1 in ${cases.join(' ')} *) exit 255 ;; esac`, 'shift']
    await this.#install('ssh', `${script.join('\n')}\nexec nsenter $enter -- sh -c "$*"\n`)
  }

  /** Puts a program first in its PATH: a script of sh. */
  async addProgram(name: string, script: string): Promise<void> {
    await this.#install(name, `#!/bin/sh\n${script}\n`)
  }

  /** Gives it a service that `systemctl` starts and stops: a script of sh, with `start` or `stop` for its argument. */
  async addService(name: string, script: string): Promise<void> {
    await this.addProgram(`${name}-service`, script)
  }

  /** Puts a file of `examples/` where a guide says. */
  async install(file: string, place: string): Promise<void> {
    await this.exec('install', ['-D', `${EXAMPLES}${file}`, place])
  }

  /** Starts a program there, as the unit of systemd does: by a shell line that may use variables of a file of `examples/`. */
  start(line: string, file?: string): Child {
    const variables = file === undefined ? '' : `. '${EXAMPLES}${file}'; `
    return this.host.spawn('nsenter', [...this.#enter, 'sh', '-euc', `${variables}exec ${line}`])
  }

  get #mounts(): string {
    return `--mount=/proc/${this.#holder.pid}/ns/mnt`
  }

  get #enter(): readonly string[] {
    return [this.#mounts, '--', 'env', `PATH=${this.#folder}:${process.env.PATH}`, ...this.#variables]
  }

  async #install(name: string, text: string): Promise<void> {
    await writeFile(join(this.#folder, name), text)
    await chmod(join(this.#folder, name), 0o755)
  }
}
