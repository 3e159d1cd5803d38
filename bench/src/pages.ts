import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Host, until } from '@selvedge/lab'
import { type Agent, IN_SYNC } from './agent.js'
import { median } from './median.js'
import { CHECKOUT, selvedgedOf } from './selvedged.js'
import { ENDPOINT } from './store/etcd.js'
import { StoreLab, type StoreNetwork } from './store/lab.js'

/** What a page for people costs on a host with so many peers. */
export interface Pages {
  readonly peers: number
  readonly pages: readonly PageCost[]
  readonly dashboard: DashboardCost
}

export interface PageCost {
  readonly command: string
  /** From the start of the process to its end. */
  readonly ms: number
  readonly lines: number
  readonly bytes: number
}

export interface DashboardCost {
  /** To fetch the page, its files and every peer, and how many bytes that is, compressed. */
  readonly openMs: number
  readonly openBytes: number
  /** CPU of the agent while a page is open, beyond that without one, of one core. */
  readonly openShare: number
}

const COMMANDS = [
  ['--version'],
  ['status'],
  ['status', '--all'],
  ['status', '--json'],
  ['inspect'],
  ['inspect', '--json'],
  ['trace', '10.64.0.5', '--no-probe'],
  ['plan'],
  ['doctor'],
  ['leases', 'list', '--limit', '50'],
  ['bugreport'],
] as const satisfies readonly (readonly string[])[]

/** Those that take the agent's own flags. */
const LIKE_AGENT = ['inspect', 'plan', 'doctor', 'trace', 'bugreport']

const RUNS = 3
const PORT = 8_080
const WATCH_SECONDS = 10
/** What is sent to a page that opens is not what it costs to leave it open. */
const OPENING_SECONDS = 2
const CLIENT = fileURLToPath(new URL('dashboard-client.js', import.meta.url))

export async function measurePages(peers: number, signal: AbortSignal): Promise<Pages> {
  await using lab = await StoreLab.create(['etcd'], peers, signal)
  const { network } = lab
  const socket = join(network.directory, 'control.sock')
  const agent = network.startAgent({
    controlSocket: socket,
    flags: ['-dashboard', `-healthz-port=${PORT}`, '-healthz-ip=127.0.0.1'],
  })
  try {
    await agent.logged(IN_SYNC)
    const pages: PageCost[] = []
    for (const command of COMMANDS) pages.push(await measurePage(network, command, socket))
    return { peers, pages, dashboard: await measureDashboard(network.host, agent) }
  } finally {
    await agent.stop()
  }
}

async function measurePage(
  { host, directory }: StoreNetwork,
  command: readonly string[],
  socket: string,
): Promise<PageCost> {
  const [name = ''] = command
  const store = [`--etcd-endpoints=${ENDPOINT}`]
  const files = [`--subnet-file=${join(directory, 'subnet.env')}`, '--lease-cache=', '--iface=eth0']
  const flags = [
    ...(name === 'leases' ? store : []),
    ...(LIKE_AGENT.includes(name) ? [...store, ...files, '--iptables-forward-rules=false'] : []),
    ...(['status', 'inspect', 'trace', 'doctor', 'bugreport'].includes(name)
      ? [`--control-socket=${socket}`]
      : []),
  ]
  const program = join(dirname(selvedgedOf(CHECKOUT)), 'selvedge.js')
  const times: number[] = []
  let printed = ''
  for (let run = 0; run < RUNS; run += 1) {
    const started = performance.now()
    const file = name === 'bugreport' ? [join(directory, `report-${run}.tar.gz`)] : []
    const child = host.spawn(process.execPath, [program, ...command, ...file, ...flags])
    const closed = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    await closed
    if (stdout === '') throw new Error(`selvedge ${command.join(' ')} printed nothing: ${stderr}`)
    times.push(performance.now() - started)
    printed = stdout
  }
  const lines = printed.trimEnd().split('\n').length
  return { command: command.join(' '), ms: median(times), lines, bytes: Buffer.byteLength(printed) }
}

async function measureDashboard(host: Host, agent: Agent): Promise<DashboardCost> {
  const client = async <T>(...args: readonly string[]): Promise<T> => {
    const url = `http://127.0.0.1:${PORT}/dashboard/`
    return JSON.parse(await host.exec(process.execPath, [CLIENT, url, ...args], { timeoutMs: 60_000 }))
  }
  await until('the dashboard to be served', () => client<object>('open').catch(() => undefined))
  const { ms: openMs, bytes: openBytes } = await client<{ ms: number; bytes: number }>('open')
  const rest = (seconds: number): Promise<void> => sleep(seconds * 1_000)
  const before = await cpuOver(agent, () => rest(WATCH_SECONDS))
  const watching = client<object>('watch', `${OPENING_SECONDS + WATCH_SECONDS + 1}`)
  await rest(OPENING_SECONDS)
  const during = await cpuOver(agent, () => rest(WATCH_SECONDS))
  await watching
  return { openMs, openBytes, openShare: Math.max(0, during - before) / (WATCH_SECONDS * 1_000) }
}

async function cpuOver(agent: Agent, work: () => Promise<unknown>): Promise<number> {
  const { cpuMs } = await agent.cost()
  await work()
  return (await agent.cost()).cpuMs - cpuMs
}
