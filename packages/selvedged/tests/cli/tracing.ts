import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Host, type Pod, until } from '@selvedge/lab'
import { Rig } from '../rig.js'
import { controlSocketOf, filesOf, type Selvedged } from '../selvedged.js'
import { untilAllReach } from '../until-all-reach.js'
import { SELVEDGE } from './selvedge.js'

export interface Hop {
  readonly step: string
  readonly kernel: string
  readonly leases?: string
  readonly verdict: string
}

export interface Traced {
  readonly status: number | null
  readonly from: string
  readonly hops: readonly Hop[]
  /** The steps at which the kernel and the leases differ. */
  readonly differing: readonly string[]
  readonly probe?: { readonly sent: number; readonly received: number }
}

/** Two hosts of a network, a pod each, and `selvedge trace` as root of the first runs it. */
export interface TracedRig extends AsyncDisposable {
  readonly rig: Rig
  readonly first: Host
  readonly agents: readonly Selvedged[]
  readonly pods: readonly Pod[]
  trace(...args: readonly string[]): Promise<Traced>
  /** As people see it. */
  traceText(...args: readonly string[]): Promise<string>
  /** Runs a command beside the first agent, in its namespaces, as long as it runs. */
  beside(command: string, ...args: readonly string[]): Promise<string>
}

/** Agents of one machine, each in a mount namespace of its own, share no sockets of wireguard-go and charon. */
const OWN_RUN = 'for d in wireguard selvedge; do mkdir -p /run/$d; mount -t tmpfs none /run/$d; done'

/** Its root may be another than its namespace's: in an emulated machine it is. */
const mountsOf = (pid: number | undefined): readonly string[] => [
  `--mount=/proc/${pid}/ns/mnt`,
  `--root=/proc/${pid}/root`,
]

export async function tracedRig(config: object): Promise<TracedRig> {
  const rig = await Rig.create(config, { hosts: 2, ipv6: true })
  try {
    return await joined(rig)
  } catch (error) {
    await rig[Symbol.asyncDispose]()
    throw error
  }
}

async function joined(rig: Rig): Promise<TracedRig> {
  const variablesOf = (host: Host) => ({
    WIREGUARD_KEY_FILE: join(rig.lab.directory, host.name, 'wgkey'),
    EXTENSION_RECORDS_DIR: join(rig.lab.directory, host.name, 'commands'),
  })
  const agents = rig.lab.hosts.map((host, index) =>
    rig.start(index, { before: OWN_RUN, variables: variablesOf(host) }),
  )
  const pods = await Promise.all(agents.map((agent) => agent.addPod()))
  await Promise.all(agents.map((agent) => agent.inSync()))
  // ipsec lets only pods through.
  await untilAllReach(pods, pods)
  const first = rig.lab.host(0)
  const { subnetFile, leaseCache } = filesOf(rig.lab, first)
  // It outlives the agent, and so do its sockets.
  const place = first.spawn('nsenter', [...mountsOf(agents[0]?.pid), 'sleep', '600'])
  const beside = (command: string, ...args: readonly string[]) =>
    first.exec('nsenter', [...mountsOf(place.pid), command, ...args])
  const run = async (args: readonly string[]) => {
    const flags = [
      `--control-socket=${controlSocketOf(subnetFile)}`,
      `--etcd-endpoints=${rig.etcd.endpoint}`,
      `--subnet-file=${subnetFile}`,
      `--lease-cache=${leaseCache}`,
      '--iptables-forward-rules=false',
    ]
    const variables = Object.entries(variablesOf(first)).map(([name, value]) => `${name}=${value}`)
    const command = ['env', ...variables, process.execPath, SELVEDGE, 'trace', ...args, ...flags]
    const child = first.spawn('nsenter', [...mountsOf(place.pid), ...command])
    const closed = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    await closed
    if (stdout === '') throw new Error(`selvedge trace ${args.join(' ')}: ${stderr}`)
    return { status: child.exitCode, stdout }
  }
  // An agent that has just written may be about to write again: wireguard-go sets an MTU of its own.
  for (const address of pods[1]?.addresses ?? []) {
    await until(`trace to ${address} to find nothing that differs`, async () =>
      (await run([address, '--no-probe'])).status === 0 ? true : undefined,
    )
  }
  return {
    rig,
    first,
    agents,
    pods,
    beside,
    traceText: async (...args) => (await run(args)).stdout,
    trace: async (...args) => {
      const { status, stdout } = await run([...args, '--json'])
      const { hops, probe, from }: Traced = JSON.parse(stdout)
      const differing = hops.flatMap(({ step, verdict }) => (verdict === 'differs' ? [step] : []))
      return { status, from, hops, differing, ...(probe === undefined ? {} : { probe }) }
    },
    async [Symbol.asyncDispose]() {
      place.kill()
      await rig[Symbol.asyncDispose]()
    },
  }
}

/** What the kernel answered at a step. */
export const kernelAt = ({ hops }: Traced, step: string): string | undefined =>
  hops.find((hop) => hop.step === step)?.kernel

export const stepsOf = ({ hops }: Traced): readonly string[] => hops.map(({ step }) => step)
