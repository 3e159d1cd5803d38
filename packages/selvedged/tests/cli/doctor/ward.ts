import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Child, type Host, type Lab, run, until } from '@selvedge/lab'
import { holdMounts } from '../mount-holder.js'
import { type Ended, SELVEDGE } from '../selvedge.js'

export interface Finding {
  readonly id: string
  readonly severity: 'fatal' | 'warning'
  readonly what: string
  readonly remedy: string
}

export interface Visit {
  readonly findings: readonly Finding[]
  readonly status: number | null
  readonly stderr: string
  readonly tookMs: number
}

export const CONFLIST = '/etc/cni/net.d/10-flannel.conflist'
export const WRITE_CONFLIST = `printf '%s' '{"plugins":[{"type":"flannel"}]}' > ${CONFLIST}`

/** What agents keep of a host: their keys, sockets, records of what they ran. */
export const PRIVATE_RUN =
  'for path in /run/wireguard /run/flannel /run/selvedge; do mkdir -p $path; mount -t tmpfs tmpfs $path; done'

/** What files a fault may change: each a copy, in a mount namespace of the host's own. */
const PRIVATE_FILES = [
  'mount -t tmpfs tmpfs /mnt && cp -a /etc/. /mnt/ && mount --move /mnt /etc',
  'mount -t tmpfs tmpfs /opt && mkdir -p /opt/cni/bin',
  'touch /opt/cni/bin/flannel /opt/cni/bin/bridge /opt/cni/bin/host-local',
  'mkdir -p /dev/net && mount -t tmpfs tmpfs /dev/net && mknod /dev/net/tun c 10 200',
  'mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/cni/networks/cbr0',
  PRIVATE_RUN,
  'rm -rf /etc/cni /etc/systemd/network /etc/systemd/networkd.conf* /etc/NetworkManager',
  'mkdir -p /etc/cni/net.d /etc/systemd/network',
  WRITE_CONFLIST,
].join('\n')

/** A host under examination, and what it takes to harm it. */
export class Ward implements AsyncDisposable {
  readonly lab: Lab
  readonly host: Host
  readonly #holder: Child
  readonly #flags: readonly string[]
  readonly #variables: readonly string[]
  #stray: Child | undefined

  protected constructor({ lab, host, holder, flags, variables = [] }: WardParts) {
    this.#variables = variables
    this.lab = lab
    this.host = host
    this.#holder = holder
    this.#flags = flags
  }

  static of(parts: WardParts): Ward {
    return new Ward(parts)
  }

  /** A host of a lab on which nothing runs. Its lab is disposed of with it. */
  static async bare(lab: Lab, flags: readonly string[]): Promise<Ward> {
    await mkdir(join(lab.directory, lab.host(0).name), { recursive: true })
    return new Ward(await prepare(lab, lab.host(0), flags))
  }

  /** Of the host, for files of its own. */
  get folder(): string {
    return join(this.lab.directory, this.host.name)
  }

  /** The process that another program has been started as, once `spawnNamed` or `spawnStray` was called. */
  get stray(): Child | undefined {
    return this.#stray
  }

  /** `selvedge doctor` on the host. */
  async doctor(more: readonly string[] = [], wrapper: readonly string[] = []): Promise<Visit> {
    const startedAt = performance.now()
    const { stdout, stderr, status } = await this.#runDoctor(['--json', ...more], wrapper)
    const tookMs = performance.now() - startedAt
    if (!stdout.startsWith('{')) throw new Error(`selvedge doctor said nothing, and: ${stderr}`)
    return { findings: JSON.parse(stdout).findings, status, stderr, tookMs }
  }

  /** The page that it prints. */
  async doctorPage(): Promise<string> {
    return (await this.#runDoctor([], [])).stdout
  }

  async #runDoctor(args: readonly string[], wrapper: readonly string[]): Promise<Ended> {
    const program = [...wrapper, 'env', ...this.#variables, process.execPath, SELVEDGE]
    const command = [...program, 'doctor', ...this.#flags, ...args]
    const child = this.host.spawn('nsenter', [...this.#mounts, '--', ...command])
    const closed = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    await closed
    return { stdout, stderr, status: child.exitCode }
  }

  /** `sh -c` on the host, among its private files, with `selvedge` in its PATH. */
  sh(script: string): Promise<string> {
    const path = `PATH=${this.lab.directory}/bin:${process.env.PATH}`
    return this.host.exec('nsenter', [...this.#mounts, '--', 'env', path, 'sh', '-ec', script])
  }

  /** A program that goes on until `endStray`. */
  spawnStray(command: string, args: readonly string[]): Child {
    this.#stray = this.host.spawn(command, args)
    this.#stray.stdout.resume()
    this.#stray.stderr.resume()
    return this.#stray
  }

  /** A program of Node.js that prints a word once it is ready. @param before a shell command to run first */
  async spawnScript(code: string, argument: string, before = 'true'): Promise<void> {
    await this.sh(before)
    const { stdout } = this.spawnStray(process.execPath, ['-e', code, argument])
    let said = ''
    stdout.on('data', (part) => {
      said += part
    })
    await until('the program to be ready', () => said !== '' || undefined)
  }

  /** The same, of a name. */
  async spawnNamed(name: string): Promise<void> {
    const path = join(this.lab.directory, name)
    await run('cp', ['/bin/sleep', path])
    const { pid } = this.spawnStray(path, ['900'])
    await until(
      `${name} to run`,
      async () => (await run('cat', [`/proc/${pid}/comm`])).startsWith(name.slice(0, 15)) || undefined,
    )
  }

  async endStray(): Promise<void> {
    const child = this.#stray
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]()
  }

  get #mounts(): readonly string[] {
    return mountsOf(this.#holder)
  }
}

/** For `nsenter`: the mount namespace of a process, and its root, which in an emulated machine is not the namespace's. */
export const mountsOf = ({ pid }: Child): readonly string[] => [
  `--mount=/proc/${pid}/ns/mnt`,
  `--root=/proc/${pid}/root`,
]

export interface WardParts {
  readonly lab: Lab
  readonly host: Host
  /** The process that holds the mount namespace. */
  readonly holder: Child
  /** Of each doctor. */
  readonly flags: readonly string[]
  /** Of its environment. */
  readonly variables?: readonly string[]
}

/**
 * Private files for a host, and a `selvedge` for remedies.
 *
 * @param variables of that `selvedge`, such as `FLANNELD_ETCD_ENDPOINTS=…`
 */
export async function prepare(
  lab: Lab,
  host: Host,
  flags: readonly string[],
  variables: readonly string[] = [],
): Promise<WardParts> {
  const holder = await holdMounts(host, PRIVATE_FILES)
  const folder = join(lab.directory, 'bin')
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'selvedge')
  const words = [...variables, process.execPath, SELVEDGE].map((word) => `'${word}'`)
  await writeFile(path, `#!/bin/sh\nexec env ${words.join(' ')} "$@"\n`)
  await chmod(path, 0o755)
  return { lab, host, holder, flags }
}
