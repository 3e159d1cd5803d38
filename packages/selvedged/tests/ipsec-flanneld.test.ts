/**
 * selvedged's ipsec beside flanneld's, in one network.
 *
 * `FLANNELD=/path/to/flanneld npx vitest run packages/selvedged/tests/ipsec-flanneld.test.ts` runs it, where the kernel has
 * ESP: flanneld knows no other. Without either, what is tested is what selvedged publishes, which flanneld reads.
 */
import { dirname, join } from 'node:path'
import {
  Capture,
  type CapturedPacket,
  type Host,
  isPlain,
  kernelHasEsp,
  type Pod,
  pingUntilReached,
} from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Flanneld } from './flannel/flanneld.js'
import { FLANNELD } from './flannel/index.js'
import { Rig } from './rig.js'
import { filesOf, type Selvedged } from './selvedged.js'

const PSK = 'sEcReT'.repeat(16)
const network = { Network: '10.244.0.0/16', Backend: { Type: 'ipsec', PSK } }
const HAS_ESP = await kernelHasEsp()

const folderOf = (rig: Rig, host: Host): string => dirname(filesOf(rig.lab, host).subnetFile)

/** The hosts share a file system: each agent sees a folder of its own in the place of what charon keeps. */
function start(rig: Rig, index: number): Selvedged {
  const folder = join(folderOf(rig, rig.lab.host(index)), 'selvedge')
  return rig.start(index, {
    before: `mkdir -p ${folder} /run/selvedge; mount --bind ${folder} /run/selvedge`,
  })
}

/** flanneld's charon keeps its socket in /var/run. The lab's own folder may be below it. */
function flanneldOn(rig: Rig, host: Host): Flanneld {
  const { directory } = rig.lab
  return new Flanneld({
    program: `${FLANNELD}`,
    host,
    endpoint: rig.etcd.endpoint,
    subnetFile: filesOf(rig.lab, host).subnetFile,
    before: `mount --bind ${directory} /mnt; mount -t tmpfs run /run; mkdir -p ${directory}; mount --move /mnt ${directory}`,
  })
}

test.runIf(FLANNELD !== undefined && HAS_ESP)(
  'pods of a host with flanneld and of one with selvedged reach each other, never in plain, over restarts of either, and selvedged takes over from flanneld',
  async () => {
    await using rig = await Rig.create(network, { hosts: 2 })
    const host = rig.lab.host(0)
    const flanneld = flanneldOn(rig, host)
    let agent = start(rig, 1)
    const second = await agent.addPod()
    await flanneld.start()
    const { subnet = '', mtu = 0 } = await flanneld.subnetEnv()
    const first = await host.addPod({ subnets: [subnet], mtu })
    const capture = await Capture.start(rig.lab.switch, {
      device: 'br0',
      file: join(rig.lab.directory, 'capture.pcap'),
    })
    const reachUp = async (what: string) => {
      const begin = performance.now()
      await pingUntilReached(first, `${second.addresses[0]}`, { timeout: 60_000 })
      await pingUntilReached(second, `${first.addresses[0]}`, { timeout: 60_000 })
      process.stdout.write(`    ${what}: both ways after ${Math.round(performance.now() - begin)} ms\n`)
    }
    await reachUp('flanneld starts beside selvedged')
    // Up to the MTU, which is the same on both.
    expect((await agent.subnetEnv()).mtu).toBe(mtu)
    await first.exec('ping', ['-c', '1', '-M', 'do', '-s', `${mtu - 28}`, `${second.addresses[0]}`])

    await flanneld.stop()
    await flanneld.start()
    await reachUp('flanneld is restarted')
    expect(await agent.stop()).toMatchObject({ status: 0 })
    agent = start(rig, 1)
    await agent.inSync()
    await reachUp('selvedged is restarted')

    const before = await rig.etcd.leases()
    await flanneld.stop()
    const successor = start(rig, 0)
    expect(await successor.ready()).toMatchObject({ subnet, mtu })
    await successor.inSync()
    await reachUp('selvedged has taken over')
    expect(await rig.etcd.leases()).toEqual(before)
    const packets = await capture.stop()
    expect(packets.filter(isEsp).length).toBeGreaterThan(10)
    expect(plainBetween(packets, first, second)).toBe(0)
    expect(successor.output + agent.output).not.toContain('sEcReT')
  },
)

/** An Ethernet frame with IPv4 and protocol 50. */
const isEsp = ({ bytes }: CapturedPacket): boolean => bytes.readUInt16BE(12) === 0x0800 && bytes[23] === 50

function plainBetween(packets: readonly CapturedPacket[], one: Pod, other: Pod): number {
  const [a, b] = [`${one.addresses[0]}`, `${other.addresses[0]}`]
  return packets.filter((packet) => isPlain(packet, a, b) || isPlain(packet, b, a)).length
}

const missing = FLANNELD === undefined ? 'FLANNELD names none' : 'this kernel has no ESP'

test.runIf(FLANNELD === undefined || !HAS_ESP)(
  `NOT TESTED with flanneld, since ${missing}: selvedged publishes what flanneld reads`,
  async () => {
    await using rig = await Rig.create(network, { hosts: 1 })
    const agent = start(rig, 0)
    await agent.ready()
    const [[key = '', record = ''] = []] = await rig.etcd.leases()
    expect(key).toMatch(/^10\.244\.\d+\.0-24$/)
    expect(record).toBe('{"PublicIP":"192.168.77.1","PublicIPv6":null,"BackendType":"ipsec"}')
    expect(agent.output).not.toContain('sEcReT')
  },
)
