/** Runs the programs of examples/src/backends on two hosts, and pings from one to the other through what they made. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Child, type Host, Lab, pingUntilReached, within } from '../src/index.js'

const program = (name: string) =>
  fileURLToPath(new URL(`../../examples/dist/backends/${name}.js`, import.meta.url))

/** wireguard-go knows one folder for its sockets: each host gets its own, though they share a file system. */
const OWN_SOCKETS = 'mkdir -p /run/wireguard && mount -t tmpfs none /run/wireguard && exec "$0" "$@"'

interface Running {
  readonly child: Child
  readonly lines: string[]
  /** Resolves with the first line that matches; rejects if the program ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>
}

function start(lab: Lab, host: Host, name: string): Running {
  const settings = ['PSK=c2VsdmVkZ2Utc2VsdmVkZ2Utc2VsdmVkZ2Utc2VsdmU=']
  const command = [
    process.execPath,
    program(name),
    join(lab.directory, 'leases'),
    join(lab.directory, host.name),
  ]
  const child = host.spawn('env', [...settings, 'unshare', '--mount', 'sh', '-c', OWN_SOCKETS, ...command])
  const lines: string[] = []
  const output = createInterface(child.stderr).on('line', (text) => lines.push(text))
  return {
    child,
    lines,
    async line(pattern) {
      for (;;) {
        const found = lines.map((text) => pattern.exec(text)).find((match) => match !== null)
        if (found !== undefined && found !== null) return found
        if (child.exitCode !== null)
          throw new Error(`${name} ended with ${child.exitCode}:\n${lines.join('\n')}`)
        await within(
          `a line ${pattern} of ${name}`,
          20_000,
          Promise.race([once(output, 'line'), once(child, 'close')]),
        )
      }
    },
  }
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

async function twoHosts(lab: Lab, name: string): Promise<Running[]> {
  await Promise.all(lab.hosts.map(({ name: host }) => mkdir(join(lab.directory, host))))
  return lab.hosts.map((host) => start(lab, host, name))
}

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
    for (const { child } of running) child.kill('SIGTERM')
    for (const { child } of running) if (child.exitCode === null) await once(child, 'close')
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
