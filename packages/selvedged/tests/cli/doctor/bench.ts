import { join } from 'node:path'
import { type Host, type Pod, until } from '@selvedge/lab'
import { Rig, type RigOptions, vxlanConfig } from '../../rig.js'
import { controlSocketOf, filesOf, type Selvedged } from '../../selvedged.js'
import { selvedgeIn } from '../selvedge.js'

export interface Finding {
  readonly id: string
  readonly severity: 'fatal' | 'warning'
  readonly what: string
  readonly remedy: string
}

/** Two hosts with agents and a pod each, and `selvedge doctor` on the first. */
export class Bench implements AsyncDisposable {
  readonly rig: Rig
  readonly agents: readonly Selvedged[]
  readonly pods: readonly Pod[]
  readonly flags: readonly string[]

  private constructor(rig: Rig, agents: readonly Selvedged[], pods: readonly Pod[]) {
    this.rig = rig
    this.agents = agents
    this.pods = pods
    const { subnetFile } = filesOf(rig.lab, this.host)
    this.flags = [
      `--control-socket=${controlSocketOf(subnetFile)}`,
      `--subnet-file=${subnetFile}`,
      `--cni-config-dir=${this.folder}/net.d`,
      `--cni-bin-dir=${this.folder}/bin`,
    ]
  }

  static async create(config: object = vxlanConfig, options: RigOptions = {}): Promise<Bench> {
    const rig = await Rig.create(config, options)
    try {
      const { agents, pods } = await rig.joinAll()
      return new Bench(rig, agents, pods)
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  get host(): Host {
    return this.rig.lab.host(0)
  }

  get peer(): Host {
    return this.rig.lab.host(1)
  }

  /** The agent of the host. */
  get agent(): Selvedged {
    const [agent] = this.agents
    if (agent === undefined) throw new Error('no agent')
    return agent
  }

  /** Of the host, for files of its own. */
  get folder(): string {
    return join(this.rig.lab.directory, this.host.name)
  }

  /** `selvedge doctor` on the host. */
  async doctor(...more: readonly string[]): Promise<{ findings: readonly Finding[]; status: number | null }> {
    const run = selvedgeIn(this.host, [...this.flags, `--etcd-endpoints=${this.rig.etcd.endpoint}`, ...more])
    const { stdout, stderr, status } = await run('doctor', '--json')
    if (stdout === '') throw new Error(`selvedge doctor said nothing, and: ${stderr}`)
    return { findings: JSON.parse(stdout).findings, status }
  }

  /** `sh -c` on the host. */
  sh(script: string, host: Host = this.host): Promise<string> {
    return host.exec('sh', ['-ec', script])
  }

  /** The doctor finds nothing, but what other faults have changed lately. */
  async untilWell(...more: readonly string[]): Promise<void> {
    let last: readonly Finding[] = []
    await until(
      'the doctor to find nothing',
      async () => {
        last = (await this.doctor(...more)).findings.filter(({ id }) => id !== 'agent.drift')
        return last.length === 0 || undefined
      },
      { timeoutMs: 20_000 },
    ).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last, null, 1)}`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]()
  }
}
