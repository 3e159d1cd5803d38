import { readFile, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Child, type Host, Lab, until } from '@selvedge/lab'

const SELVEDGED = fileURLToPath(import.meta.resolve('@selvedge/agent')).replace(
  /dist\/index\.js$/,
  'bundle/selvedged.js',
)
const CLIENT = fileURLToPath(new URL('etcd-client.js', import.meta.url))

/** Where the lab's switch is reached by its hosts, and etcd with it. */
const ENDPOINT = 'http://192.168.77.254:2379'

/** A host on a switch, and an etcd on the switch with so many leases in it. */
export class EtcdLab implements AsyncDisposable {
  readonly host: Host
  readonly #lab: Lab

  private constructor(lab: Lab) {
    this.#lab = lab
    this.host = lab.host(0)
  }

  static async create(peers: number, signal: AbortSignal): Promise<EtcdLab> {
    const lab = await Lab.create({ hosts: 1, signal })
    try {
      await startEtcd(lab)
      const made = new EtcdLab(lab)
      await made.client('load', peers)
      return made
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Runs `etcd-client.ts`, and gives what it prints. */
  async client<T>(command: string, argument?: number): Promise<T> {
    const args = [CLIENT, ENDPOINT, command, ...(argument === undefined ? [] : [String(argument)])]
    const said = await this.#lab.switch.exec(process.execPath, args, { timeout: 300_000 })
    return JSON.parse(said || 'null') as T
  }

  /** The same, to be spoken to while it runs. */
  startClient(command: string, argument: number): Child {
    return this.#lab.switch.spawn(process.execPath, [CLIENT, ENDPOINT, command, String(argument)])
  }

  startAgent(): Agent {
    const flags = [
      `-etcd-endpoints=${ENDPOINT}`,
      '-iface=eth0',
      `-subnet-file=${this.#lab.directory}/subnet.env`,
    ]
    // As a service manager would start it. What this shell has set is not selvedged's: NODE_EXTRA_CA_CERTS alone has
    // Node.js read a hundred certificates, which takes it longer than everything else up to its first line of code.
    const environment = ['-i', `PATH=${process.env.PATH}`]
    const command = [process.execPath, SELVEDGED, ...flags, '-lease-cache=']
    return new Agent(this.host.spawn('env', [...environment, ...command]))
  }

  get directory(): string {
    return this.#lab.directory
  }

  /** After it has stopped: as if it had never been there. */
  async forgetAgent(): Promise<void> {
    await this.client('forget')
    await this.host.exec('ip', ['link', 'del', 'flannel.1'], { timeout: 600_000 })
    await rm(`${this.directory}/subnet.env`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab[Symbol.asyncDispose]()
  }
}

async function startEtcd({ directory, switch: network }: Lab): Promise<void> {
  const etcd = network.spawn('etcd', [
    ...[
      '--data-dir',
      `${directory}/etcd`,
      '--listen-client-urls',
      ENDPOINT,
      '--advertise-client-urls',
      ENDPOINT,
    ],
    ...['--listen-peer-urls', 'http://127.0.0.1:2380', '--log-level', 'error'],
  ])
  etcd.stdout.resume()
  etcd.stderr.resume()
  await until('etcd to answer', async () => {
    if (etcd.exitCode !== null) throw new Error(`etcd ended with status ${etcd.exitCode}`)
    const asked = network.exec('sh', ['-c', `ETCDCTL_API=3 etcdctl --endpoints ${ENDPOINT} endpoint health`])
    return asked.then(() => true).catch(() => undefined)
  })
}

/** A running selvedged, timed from its start. */
export class Agent {
  readonly #child: Child
  readonly #startedAt = performance.now()
  readonly #said = new Map<string, number>()
  #output = ''

  constructor(child: Child) {
    this.#child = child
    child.stdout.resume()
    createInterface(child.stderr).on('line', (line) => {
      this.#output += `${line}\n`
      const { msg = '' } = JSON.parse(line) as { msg?: string }
      if (!this.#said.has(msg)) this.#said.set(msg, performance.now() - this.#startedAt)
    })
  }

  /** Milliseconds from the start to the first line of the log that begins so. */
  async said(beginning: string): Promise<number> {
    return until(
      `selvedged to say '${beginning}'`,
      () => {
        if (this.#child.exitCode !== null) throw new Error(`selvedged ended:\n${this.#output}`)
        return [...this.#said].find(([message]) => message.startsWith(beginning))?.[1]
      },
      { timeout: 60_000, interval: 1 },
    )
  }

  /** What the process has cost so far. */
  async cost(): Promise<{ readonly cpu: number; readonly peakMemory: number }> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8')
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8')
    // Behind the name in parentheses: field 14 is utime, 15 stime, in ticks of 10 ms (proc(5)).
    const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(status) ?? []
    return { cpu: (Number(user) + Number(system)) * 10, peakMemory: Number(kilobytes) * 1024 }
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGTERM')
    await closed
  }
}
