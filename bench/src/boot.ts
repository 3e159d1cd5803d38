import { once, setMaxListeners } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Child, type Host, Lab, until } from '@selvedge/lab'
import { CHECKOUT, selvedgedOf } from './selvedged.js'
import { ENDPOINT, startEtcd } from './store/etcd.js'

const PEERS = fileURLToPath(new URL('boot-peers.js', import.meta.url))

/** Peers that run, and answer pings; the rest of the leases are other nodes'. */
const RUNNING_PEERS = 50

const TIMEOUT = { timeoutMs: 120_000, intervalMs: 2 }

/** A host that boots with nothing but `lo`. Times in milliseconds. */
export interface Boot {
  readonly leases: number
  readonly peers: number
  /** From the start of the process until subnet.env is written: no uplink, no store. */
  readonly subnetEnvMs: number
  /** From the uplink's address, in another network than before, until the agent goes by it. */
  readonly uplinkMs: number
  /** From the same until the store's first answer. */
  readonly answerMs: number
  /** From the first answer of the store until every running peer has answered a ping. */
  readonly reachedMs: number
}

/** A selvedged whose log is timed as it comes. */
class Agent {
  readonly child: Child
  readonly startedAt = performance.now()
  readonly #logged: { readonly msg: string; readonly at: number }[] = []

  constructor(host: Host, directory: string) {
    const flags = [
      `-etcd-endpoints=${ENDPOINT}`,
      `-subnet-file=${join(directory, 'subnet.env')}`,
      `-lease-cache=${join(directory, 'leases')}`,
      '-control-socket=',
      '-iptables-forward-rules=false',
    ]
    this.child = host.spawn(process.execPath, [selvedgedOf(CHECKOUT), ...flags])
    this.child.stdout.resume()
    createInterface(this.child.stderr).on('line', (line) => {
      if (line.startsWith('{')) this.#logged.push({ msg: JSON.parse(line).msg, at: performance.now() })
    })
  }

  /** When a message was first logged that matches. */
  logged(pattern: RegExp): Promise<number> {
    return until(
      `selvedged to log ${pattern}`,
      () => {
        if (this.child.exitCode !== null) throw new Error('selvedged has ended')
        return this.#logged.find(({ msg }) => pattern.test(msg))?.at
      },
      TIMEOUT,
    )
  }
}

export async function measureBoot(leases: number, signal: AbortSignal): Promise<Boot> {
  setMaxListeners(0, signal) // it ends commands on fifty hosts at once
  await using lab = await Lab.create({ hosts: 1 + RUNNING_PEERS, signal })
  const host = lab.host(0)
  const others = lab.hosts.slice(1)
  await startEtcd(lab)
  await lab.switch.sysctl({ 'net/ipv4/ip_forward': 1 })
  await lab.switch.ip('address', 'add', '192.168.88.254/24', 'dev', 'br0')
  const targets = await startPeers(lab, others, leases)

  const before = new Agent(host, lab.directory)
  await before.logged(/^in sync/)
  await until(
    'the agent to have kept all leases',
    async () => {
      const text = await readFile(join(lab.directory, 'leases'), 'utf8').catch(() => '')
      return text.includes(`"leases":${leases + 1},`) || undefined
    },
    TIMEOUT,
  )
  await ended(before.child)
  const [, macAddress = ''] = /link\/ether (\S+)/.exec(await host.ip('link', 'show', 'eth0')) ?? []
  await host.ip('link', 'delete', 'flannel.1').catch(() => undefined)
  await host.ip('link', 'delete', 'eth0')
  await rm(join(lab.directory, 'subnet.env'))

  const agent = new Agent(host, lab.directory)
  const subnetEnvMs = (await agent.logged(/^subnet\.env is written/)) - agent.startedAt
  await agent.logged(/^waiting for an uplink/)
  await host.ipBatch([
    `link add eth0 address ${macAddress} type veth peer name ${host.name} netns ${lab.switch.namespace}`,
    'link set eth0 up',
  ])
  await lab.switch.ip('link', 'set', host.name, 'master', 'br0', 'up')
  const up = performance.now()
  await host.ipBatch([
    'address add 192.168.88.1/24 dev eth0',
    'route add default via 192.168.88.254 dev eth0',
  ])
  const replies = Promise.all(targets.map((target) => firstReply(host, target)))
  const uplinkMs = (await agent.logged(/^the uplink is there/)) - up
  const answeredAt = await agent.logged(/answers: the lease cache is no longer used/)
  const reachedMs = Math.max(...(await replies)) - answeredAt
  await ended(agent.child)
  return { leases, peers: targets.length, subnetEnvMs, uplinkMs, answerMs: answeredAt - up, reachedMs }
}

/** Overlays on the hosts, and an address in each one's subnet to ping. */
async function startPeers(lab: Lab, hosts: readonly Host[], leases: number): Promise<readonly string[]> {
  const names = hosts.map(({ namespace }) => namespace)
  const peers = lab.switch.spawn(process.execPath, [PEERS, ENDPOINT, String(leases), ...names])
  peers.stderr.resume()
  const [line] = await once(createInterface(peers.stdout), 'line')
  const subnets: readonly string[] = JSON.parse(line)
  const targets = subnets.map((subnet) => subnet.replace(/\.0\/24$/, '.9'))
  for (const [i, host] of hosts.entries()) await host.ip('address', 'add', `${targets[i]}/32`, 'dev', 'lo')
  return targets
}

/** When a ping, of 20 a second, is first answered. */
async function firstReply(host: Host, target: string): Promise<number> {
  const ping = host.spawn('ping', ['-n', '-i', '0.05', target])
  ping.stderr.resume()
  const lines = createInterface(ping.stdout)
  const at = await new Promise<number>((resolve) => {
    lines.on('line', (line) => {
      if (line.includes('bytes from')) resolve(performance.now())
    })
  })
  ping.kill('SIGKILL')
  return at
}

async function ended(child: Child): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}
