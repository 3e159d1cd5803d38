import { readdir, readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import type { AgentSettings } from '@selvedge/agent/flags'
import { runTool } from '../tools/run-tool.js'
import type { Part } from './gather.js'

/** What the host itself says, by its own tools. */
export function hostParts(settings: AgentSettings): readonly Part[] {
  return [
    tool('kernel/link.txt', 'links, with their types and counters', 'ip', ['-d', '-s', 'link']),
    tool('kernel/address.txt', 'addresses', 'ip', ['-d', 'address']),
    tool('kernel/route4.txt', 'IPv4 routes of all tables', 'ip', [
      '-d',
      '-4',
      'route',
      'show',
      'table',
      'all',
    ]),
    tool('kernel/route6.txt', 'IPv6 routes of all tables', 'ip', [
      '-d',
      '-6',
      'route',
      'show',
      'table',
      'all',
    ]),
    tool('kernel/nexthop.txt', 'nexthop objects', 'ip', ['-d', 'nexthop']),
    tool('kernel/rule4.txt', 'IPv4 policy rules', 'ip', ['-4', 'rule']),
    tool('kernel/rule6.txt', 'IPv6 policy rules', 'ip', ['-6', 'rule']),
    tool('kernel/neighbour.txt', 'neighbours', 'ip', ['-d', '-s', 'neighbour']),
    tool('kernel/fdb.txt', 'forwarding entries of bridges and VXLAN', 'bridge', ['-d', '-s', 'fdb']),
    tool('kernel/xfrm-policy.txt', 'IPsec policies', 'ip', ['xfrm', 'policy']),
    tool('kernel/xfrm-state.txt', 'IPsec states, without keys', 'ip', [
      '-s',
      'xfrm',
      'state',
      'list',
      'nokeys',
    ]),
    tool('kernel/wireguard.txt', 'WireGuard, as wg shows it', 'wg', ['show', 'all']),
    tool('kernel/sockets.txt', 'UDP and TCP sockets that listen', 'ss', ['-lnup', '-t']),
    tool('rules/iptables-save.txt', 'IPv4 rules of iptables, with counts', 'iptables-save', ['-c']),
    tool('rules/ip6tables-save.txt', 'IPv6 rules of iptables, with counts', 'ip6tables-save', ['-c']),
    tool('rules/nftables.txt', 'rules of nftables', 'nft', ['list', 'ruleset']),
    {
      path: 'kernel/sysctl.txt',
      about: 'settings of the network and of connection tracking',
      make: async (signal) => {
        const { stdout } = await output('sysctl', ['-a'], signal)
        return stdout.replaceAll(/^(?!net\.).*\n/gm, '')
      },
    },
    file('kernel/modules.txt', 'kernel modules', '/proc/modules'),
    file('kernel/snmp.txt', "the kernel's counts of packets and errors", '/proc/net/snmp'),
    file('kernel/softnet_stat.txt', 'packets that each CPU took in and dropped', '/proc/net/softnet_stat'),
    file('host/os-release.txt', 'the operating system', '/etc/os-release'),
    {
      path: 'host/versions.txt',
      about: 'versions of the kernel and of the tools',
      make: async (signal) => {
        const lines = await Promise.all(
          VERSIONS.map(async ([program, ...args]) => {
            const found = await runTool(program, args, { signal }).catch(() => undefined)
            return `${program}: ${found === undefined ? 'not installed' : (found.stdout || found.stderr).trim()}`
          }),
        )
        return `node: ${process.version}\n${lines.join('\n')}\n`
      },
    },
    file('host/subnet.env', 'subnet.env, as it is', settings.subnetFile),
    {
      path: 'host/cni.txt',
      about: 'the configuration of CNI',
      make: () => cniConfig('/etc/cni/net.d'),
    },
    { path: 'agent/metrics.txt', about: "the agent's metrics", make: (signal) => metrics(settings, signal) },
    log('agent/log-selvedged.txt', 'selvedged'),
    log('agent/log-flanneld.txt', 'flanneld'),
  ]
}

const VERSIONS: readonly (readonly [program: string, ...args: string[]])[] = [
  ['uname', '-a'],
  ['ip', '-V'],
  ['iptables', '--version'],
  ['nft', '--version'],
  ['ping', '-V'],
]

const tool = (path: string, about: string, program: string, args: readonly string[]): Part => ({
  path,
  about: `${about}: ${[program, ...args].join(' ')}`,
  make: async (signal) => (await output(program, args, signal)).stdout,
})

const file = (path: string, about: string, from: string): Part => ({
  path,
  about: `${about}: ${from}`,
  make: () => readFile(from, 'utf8'),
})

/** Rejects if the tool is missing or fails. */
async function output(program: string, args: readonly string[], signal: AbortSignal) {
  const found = await runTool(program, args, { signal })
  if (found === undefined) throw new Error(`${program} is not installed`)
  if (found.killed !== undefined) throw new Error(`${program} was ended: ${found.killed}`)
  if (found.status !== 0) {
    throw new Error(`${program} ended with ${found.status}: ${found.stderr.trim() || found.stdout.trim()}`)
  }
  return found
}

async function cniConfig(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /\.(conf|conflist|json)$/.test(name)).sort()
  const texts = await Promise.all(
    names.map(async (name) => `# ${name}\n${await readFile(join(folder, name), 'utf8')}\n`),
  )
  if (texts.length === 0) throw new Error(`${folder} has no configuration`)
  return texts.join('\n')
}

/** The journal of a systemd service; where there is none, its container's log is not this program's to find. */
const log = (path: string, unit: string): Part => ({
  path,
  about: `the last 2,000 lines of the journal of ${unit}`,
  make: async (signal) => {
    const args = ['--unit', unit, '--lines', '2000', '--no-pager', '--output', 'short-iso-precise']
    const { stdout } = await output('journalctl', args, signal)
    if (!/^-- No entries --\s*$/m.test(stdout) && stdout.trim() !== '') return stdout
    throw new Error(`the journal has nothing of ${unit}: if it runs in a container, add that one's log`)
  },
})

function metrics({ health }: AgentSettings, signal: AbortSignal): Promise<string> {
  if (health === undefined) {
    return Promise.reject(
      new Error('where metrics are served is not known: give --healthz-port, as the agent has it'),
    )
  }
  const host = health.ip === '0.0.0.0' || health.ip === '::' ? '127.0.0.1' : health.ip
  return new Promise((resolve, reject) => {
    const asked = get({ host, port: health.port, path: '/metrics', signal }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > MAX_METRICS) asked.destroy(new Error('they do not end'))
      })
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`answered ${response.statusCode}`)),
      )
      response.on('error', reject)
    })
    asked.on('error', reject)
  })
}

const MAX_METRICS = 16 * 1024 * 1024
