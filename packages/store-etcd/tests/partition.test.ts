import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Child, type Host, Lab, until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ETCD } from './etcd-server.js'

const ENDPOINT = 'http://192.168.77.254:2379'
const PROGRAM = fileURLToPath(new URL('./print-events.mjs', import.meta.url))

/**
 * How long no packet arrives, in ms. The connection is given up after at most 8 s, and another one begun. If that is not
 * given up in its turn, the kernel sends its SYNs after 0, 1, 3, 7, 15 and 31 s, and the next one 25 s after this is over.
 */
const PARTITION_MS = 45_000

/** The promise, whatever the partition's length. */
const RECOVERY_MS = 5_000

interface Line {
  readonly type: string
  readonly subnet?: string
}

let lab: Lab

beforeAll(async () => {
  lab = await Lab.create({ hosts: 2 })
  const etcd = lab.switch.spawn(ETCD, [
    ...['--data-dir', `${lab.directory}/etcd`, '--log-level', 'error'],
    ...['--listen-client-urls', ENDPOINT, '--advertise-client-urls', ENDPOINT],
    ...['--listen-peer-urls', 'http://127.0.0.1:2380'],
  ])
  etcd.stdout.resume()
  etcd.stderr.resume()
  await until(
    'etcd to answer',
    () =>
      etcdctl('endpoint', 'health').then(
        () => true,
        () => undefined,
      ),
    {
      timeoutMs: 30_000,
    },
  )
  await put('10.99.1.0-24')
})

afterAll(() => lab[Symbol.asyncDispose]())

const etcdctl = (...args: readonly string[]) =>
  lab.switch.exec('env', ['ETCDCTL_API=3', 'etcdctl', '--endpoints', ENDPOINT, ...args])

const put = (name: string) =>
  etcdctl('put', `/coreos.com/network/subnets/${name}`, '{"PublicIP":"192.0.2.1"}')

function linesOf({ stdout, stderr }: Child): readonly Line[] {
  const lines: Line[] = []
  createInterface(stdout).on('line', (line) => lines.push(JSON.parse(line)))
  stderr.resume()
  return lines
}

const has = (lines: readonly Line[], type: string, subnet?: string) =>
  lines.some((line) => line.type === type && line.subnet === subnet) || undefined

/** Drops all packets of a host in silence: its interface keeps its carrier. */
const setForwarding = (host: Host, forwards: boolean) =>
  lab.switch.bridge('link', 'set', 'dev', host.name, 'state', forwards ? '3' : '0')

/** As behind a router: the kernel does not notice that no neighbour answers. */
async function fixNeighbour(host: Host): Promise<void> {
  const [{ address = '' } = {}] = JSON.parse(await lab.switch.ip('-j', 'link', 'show', 'br0'))
  await host.ip('neigh', 'replace', '192.168.77.254', 'lladdr', address, 'dev', 'eth0', 'nud', 'permanent')
}

describe('a silent partition', () => {
  it('is over within 5 s of its end, behind a router and on one LAN', { timeout: 90_000 }, async () => {
    await fixNeighbour(lab.host(0))
    const watches = lab.hosts.map((host) => linesOf(host.spawn(process.execPath, [PROGRAM, ENDPOINT])))
    const all = (what: string, type: string, subnet: string | undefined, timeout: number) =>
      until(what, () => watches.every((lines) => has(lines, type, subnet)) || undefined, {
        timeoutMs: timeout,
      })
    await all('the first snapshots', 'snapshot', undefined, 20_000)
    await Promise.all(lab.hosts.map((host) => setForwarding(host, false)))
    await put('10.99.2.0-24')
    await sleep(PARTITION_MS)
    for (const lines of watches) {
      expect(has(lines, 'error')).toBe(true)
      expect(has(lines, 'put', '10.99.2.0/24')).toBe(undefined)
    }
    await Promise.all(lab.hosts.map((host) => setForwarding(host, true)))
    const healed = performance.now()
    await all('what was missed', 'put', '10.99.2.0/24', RECOVERY_MS)
    console.log(
      `up to date ${Math.round(performance.now() - healed)} ms after the partition of ${PARTITION_MS} ms`,
    )
    // The watches went on where they were.
    expect(watches.map((lines) => lines.filter(({ type }) => type === 'snapshot').length)).toEqual([1, 1])
  })
})
