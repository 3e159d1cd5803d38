/** Runs the programs of examples/src/backends on two hosts, and pings from one to the other through what they made. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { documentBlock, ExampleProgram, type Host, Lab, pingUntilReached, until } from '../src/index.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** wireguard-go knows one folder for its sockets: each host gets its own, though they share a file system. */
const OWN_SOCKETS = 'mkdir -p /run/wireguard && mount -t tmpfs none /run/wireguard && exec "$0" "$@"'

function start(lab: Lab, host: Host, name: string): ExampleProgram {
  const settings = ['PSK=c2VsdmVkZ2Utc2VsdmVkZ2Utc2VsdmVkZ2Utc2VsdmU=']
  const args = [join(lab.directory, 'leases'), join(lab.directory, host.name)]
  return ExampleProgram.start(host, `backends/${name}`, args, {
    within: ['env', ...settings, 'unshare', '--mount', 'sh', '-c', OWN_SOCKETS],
  })
}

/** Asks the kernel in a namespace that is gone at once. */
const hasIpip =
  spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'probe', 'type', 'ipip', 'local', '192.0.2.1'])
    .status === 0

/** Gives the host an address of its subnet, as a pod's would be, and that address. */
async function podAddress(host: Host, subnet: string): Promise<string> {
  const pod = subnet.replace(/\.0\/24$/, '.9')
  await host.ip('address', 'add', `${pod}/32`, 'dev', 'lo')
  return pod
}

async function twoHosts(lab: Lab, name: string): Promise<ExampleProgram[]> {
  await Promise.all(lab.hosts.map(({ name: host }) => mkdir(join(lab.directory, host))))
  return lab.hosts.map((host) => start(lab, host, name))
}

test('compose.js and agent.js by the commands of the README: an agent that Ctrl-C stops leaves traffic flowing', async () => {
  await using lab = await Lab.create({ hosts: 1 })
  const host = lab.host(0)
  const block = documentBlock('examples/README.md', 'npm run build', { 'sudo ': '' })
  const [, compose = '', agent = ''] = block.split('\n')
  /** With files of its own where they write. */
  const apart = (command: string) => [
    ...['--mount', 'env', '-C', ROOT, `PATH=${dirname(process.execPath)}:${process.env.PATH}`, 'sh', '-euc'],
    `mount -t tmpfs none /run; mount -t tmpfs none /var/lib; exec ${command}`,
  ]
  expect(await host.exec('unshare', apart(compose))).toContain('healed: true')
  const child = host.spawn('unshare', apart(agent))
  const ended = once(child, 'close')
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  await until('the agent to run', () => {
    if (child.exitCode !== null) throw new Error(said)
    return /^running: /m.test(said) || undefined
  })
  child.kill('SIGINT')
  expect(await ended).toEqual([0, null])
  expect(said).not.toMatch(/^error/m)
  expect(await host.ip('link', 'show', 'flannel.1')).toContain('mtu 1450')
})

test.each(['wireguard', 'udp', 'extension', ...(hasIpip ? ['ipip'] : [])])(
  '%s: the hosts reach each other',
  async (name) => {
    await using lab = await Lab.create({ hosts: 2 })
    const running = await twoHosts(lab, name)
    const pods: string[] = []
    for (const [index, each] of running.entries()) {
      const [, subnet = ''] = await each.line(/^running: (\S+), MTU \d+$/)
      pods.push(await podAddress(lab.host(index), subnet))
    }
    for (const each of running) await each.line(/^peer: put /)
    await pingUntilReached(lab.host(0), pods[1] ?? '')
    await pingUntilReached(lab.host(1), pods[0] ?? '')
    for (const each of running) await each.stop()
    expect(running.flatMap(({ lines }) => lines).filter((text) => text.startsWith('error'))).toEqual([])
  },
)

test.runIf(!hasIpip)(
  'ipip: NO TRAFFIC WAS TESTED: this kernel lacks it, and the program says so',
  async () => {
    await using lab = await Lab.create({ hosts: 1 })
    const [running] = await twoHosts(lab, 'ipip')
    await running?.line(/no links of type ipip: load its module \(modprobe ipip\)/)
    if (running?.child.exitCode === null) await once(running.child, 'close')
    expect(running?.child.exitCode).toBe(1)
  },
)
