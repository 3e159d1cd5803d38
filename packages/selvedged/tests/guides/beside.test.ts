/** The blocks of docs/traffic-rules.md: other programs that filter what a host forwards, and what lets the overlay's packets pass. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Host, type Pod, ping, pingUntilReached, until } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Rig } from '../rig.js'
import { startFirewalld } from './firewalld.js'
import { GuideHost } from './guide-host.js'

const POLICY = fileURLToPath(new URL('../../../../examples/beside/policy.nft', import.meta.url))
const FEW = { count: 3 }
const LOST = { sent: 3, lost: 3 }
const REACHED = { sent: 3, lost: 0 }

/** What Docker makes of the chain FORWARD when it starts. Docker itself is not installed where tests run. */
const AS_DOCKER = 'iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -I FORWARD -j DOCKER-USER'
const AS_BEFORE = 'iptables -P FORWARD ACCEPT; iptables -F; iptables -X'

let rig: Rig
let first: GuideHost
let second: GuideHost
let here: Pod
let another: Pod
let address: string

/** In nftables' mode no rule of ours can accept what another's drops: the harder case. */
beforeAll(async () => {
  rig = await Rig.create({ Network: '10.244.0.0/16', EnableNFTables: true, Backend: { Type: 'vxlan' } })
  const { lab } = rig
  const hosts = await Promise.all(lab.hosts.map((host) => GuideHost.prepare(lab, host)))
  first = hosts[0] as GuideHost
  second = hosts[1] as GuideHost
  const podOf = async (host: GuideHost, on: Host): Promise<Pod> => {
    await host.install('operating/selvedged.default', '/etc/default/selvedged')
    await host.sh('systemctl start selvedged')
    const [, subnet] = await until(
      `the subnet.env of ${host.name}`,
      async () =>
        /FLANNEL_SUBNET=(.*)\.1\/24/.exec(await host.sh('cat /run/flannel/subnet.env || true')) ?? undefined,
      { timeoutMs: 30_000, intervalMs: 100 },
    )
    return on.addPod({ subnets: [`${subnet}.0/24`], mtu: 1450 })
  }
  const pods = await Promise.all(hosts.map((host, i) => podOf(host, lab.host(i))))
  here = pods[0] as Pod
  address = pods[1]?.addresses[0] ?? ''
  another = await lab.host(0).addPod({ subnets: ['10.244.139.0/24'], mtu: 1450 })
  await pingUntilReached(here, address)
})
afterAll(() => rig?.[Symbol.asyncDispose]())

const tables = () => first.sh("nft list table ip flannel-ipv4 | sed 's/packets [0-9]* bytes [0-9]*//'")

test('Docker drops what is forwarded, unless its chain for users accepts the network', async () => {
  const before = await tables()
  await first.sh(AS_DOCKER)
  expect(await ping(here, address, FEW)).toEqual(LOST)
  await first.run('beside/docker.sh')
  expect(await ping(here, address, FEW)).toEqual(REACHED)
  expect(await tables()).toBe(before)
  await first.sh(AS_BEFORE)
})

test('ufw drops what is forwarded and what hosts send to each other, unless its rules allow both', async () => {
  await first.sh('ufw --force enable')
  expect(await ping(here, address, FEW)).toEqual(LOST)
  await first.run('beside/ufw.sh')
  expect(await ping(here, address, FEW)).toEqual(REACHED)
  await first.sh('ufw --force disable')
  expect(await ping(here, address, FEW)).toEqual(REACHED)
})

test.each(['nftables', 'iptables'] as const)(
  'firewalld, by %s, drops what is forwarded and what hosts send to each other, unless its zones let both in',
  async (backend) => {
    const before = await tables()
    await using _ = await startFirewalld(first, join(rig.lab.directory, `firewalld-${backend}`), backend)
    expect(await ping(here, address, FEW)).toEqual(LOST)
    await first.run('beside/firewalld.sh')
    expect(await ping(here, address, FEW)).toEqual(REACHED)
    await first.sh('firewall-cmd --reload')
    expect(await ping(here, address, FEW)).toEqual(REACHED)
    expect(await tables()).toBe(before)
  },
  120_000,
)

test('a policy in a table of its own decides who reaches a pod', async () => {
  await second.exec('nft', ['-f', POLICY])
  expect(await ping(here, address, FEW)).toEqual(REACHED)
  expect(await ping(another, address, FEW)).toEqual(LOST)
})
