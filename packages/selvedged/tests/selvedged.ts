import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseSubnetEnv, type SubnetEnv } from '@selvedge/core'
import { type Child, type Host, type Lab, type Pod, until, within } from '@selvedge/lab'

/** As built: a process of its own cannot run the TypeScript of a test. */
const PROGRAM = fileURLToPath(new URL('../bin/selvedged.js', import.meta.url))

/** One line of its log. */
export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

export interface SelvedgedOptions {
  /** What to run instead of the program that was built here. */
  readonly program?: readonly string[]
  /** The flags that name its store; etcd's by default. */
  readonly store?: readonly string[]
  readonly args?: readonly string[]
  readonly variables?: Readonly<Record<string, string>>
  /** A command that runs it. */
  readonly wrapper?: readonly string[]
  /** Its files; those of the host by default. */
  readonly files?: { readonly subnetFile: string; readonly leaseCache: string }
  /** A shell command to run before it, in the mount namespace that it will have. */
  readonly before?: string
}

/** The files of one host's agent, which stay over its restarts. */
export function filesOf(lab: Lab, host: Host): { subnetFile: string; leaseCache: string } {
  return {
    subnetFile: join(lab.directory, host.name, 'subnet.env'),
    leaseCache: join(lab.directory, host.name, 'state', 'leases'),
  }
}

/** Beside its subnet.env. */
export const controlSocketOf = (subnetFile: string): string => join(dirname(subnetFile), 'control.sock')

/** `selvedged` as a process in a host's namespace. */
export class Selvedged {
  readonly logs: LogLine[] = []
  readonly startedAt = performance.now()
  readonly host: Host
  readonly subnetFile: string
  readonly #child: Child
  readonly #closed: Promise<unknown>
  /** Standard error as it came. */
  output = ''

  private constructor(host: Host, child: Child, subnetFile: string) {
    this.host = host
    this.#child = child
    this.subnetFile = subnetFile
    this.#closed = once(child, 'close')
    child.stdout.resume()
    createInterface(child.stderr).on('line', (line) => {
      this.output += `${line}\n`
      if (line.startsWith('{')) this.logs.push(JSON.parse(line))
    })
  }

  static start(lab: Lab, host: Host, endpoint: string, options: SelvedgedOptions = {}): Selvedged {
    const { subnetFile, leaseCache } = options.files ?? filesOf(lab, host)
    const variables = Object.entries(options.variables ?? {}).map(([name, value]) => `${name}=${value}`)
    const command = [
      ...(options.wrapper ?? []),
      ...(options.program ?? [process.execPath, PROGRAM]),
      ...(options.store ?? [`--etcd-endpoints=${endpoint}`]),
      `--subnet-file=${subnetFile}`,
      `--lease-cache=${leaseCache}`,
      `--control-socket=${controlSocketOf(subnetFile)}`,
      '--iptables-forward-rules=false',
      '-v=1',
      ...(options.args ?? []),
    ]
    const child =
      options.before === undefined
        ? host.spawn('env', [...variables, ...command])
        : host.spawn('sh', ['-ec', `${options.before}; exec env "$@"`, 'sh', ...variables, ...command])
    return new Selvedged(host, child, subnetFile)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Exit status; null where a signal ended it. Resolves once it has ended. */
  async ended(timeout = 10_000): Promise<number | null> {
    await within(`selvedged on ${this.host.name} to end`, timeout, this.#closed)
    return this.#child.exitCode
  }

  /** The first log line with that message, past or future. */
  logged(message: string | RegExp, { from = 0, timeout = 10_000 } = {}): Promise<LogLine> {
    return until(
      `selvedged on ${this.host.name} to say '${message}'`,
      () => {
        const found = this.logs.slice(from).find(({ msg }) => msg.match(message) !== null)
        if (found === undefined && this.hasEnded) throw new Error(`selvedged has ended:\n${this.output}`)
        return found
      },
      { timeoutMs: timeout, intervalMs: 2, signal: this.host.signal },
    ).catch((error) => {
      throw new Error(`${error.message}; it said:\n${this.output}`, { cause: error })
    })
  }

  /** What subnet.env says, once this process has written it. */
  async ready(): Promise<Partial<SubnetEnv> & { readonly after: number }> {
    await this.logged('subnet.env is written')
    const after = performance.now() - this.startedAt
    return { ...(await this.subnetEnv()), after }
  }

  /** What subnet.env says now. */
  async subnetEnv(): Promise<Partial<SubnetEnv>> {
    return parseSubnetEnv(await readFile(this.subnetFile, 'utf8'))
  }

  /** What it serves at a path: the status, and the text after a space. */
  get(port: number, path: string): Promise<string> {
    // Not by fetch, which keeps its connection for the next request, and once in a while ends without an answer.
    const script = [
      `require('node:http').get('http://127.0.0.1:${port}${path}', { agent: false }, (answer) => {`,
      "  let text = ''",
      "  answer.setEncoding('utf8').on('data', (chunk) => (text += chunk))",
      "  answer.on('end', () => console.log(answer.statusCode, text.trimEnd()))",
      '})',
    ]
    return this.host.exec('node', ['-e', script.join('\n')]).then((text) => text.trimEnd())
  }

  /** The kernel holds what all leases require. */
  inSync(): Promise<LogLine> {
    return this.logged(/^in sync/)
  }

  /** Adds a pod to the host, in the subnet that this agent leased. */
  async addPod(): Promise<Pod> {
    const { subnet, ipv6Subnet, mtu = 0 } = await this.ready()
    return this.host.addPod({ subnets: [subnet, ipv6Subnet].filter((text) => text !== undefined), mtu })
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Ends it with SIGTERM; gives its exit status and how many ms it took. */
  async stop(): Promise<{ status: number | null; after: number }> {
    const start = performance.now()
    this.signal('SIGTERM')
    const status = await this.ended()
    return { status, after: performance.now() - start }
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended()
  }
}
