import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { documentBlock, Lab, Network, PingStream, pingMatrix, pingUntilReached, until } from '../src/index.js'
import { type JoinedLab, joinedLab, printTime } from './setup.js'

const PATH = process.env.PATH
afterEach(() => {
  process.env.PATH = PATH
})

const networks = {
  IPv4: { Network: '10.244.0.0/16' },
  'dual-stack': { Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
  'IPv6-only': { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
}
const underlays = { IPv4: {}, 'dual-stack': { ipv6: true }, 'IPv6-only': { ipv4: false, ipv6: true } }

const extension = (commands: object) => ({ Type: 'extension', ...commands })

async function lossBetweenPods({ members }: Pick<JoinedLab, 'members'>): Promise<number> {
  const pods = members.map(({ pod }) => pod)
  const results = await pingMatrix(pods, pods)
  expect(results.length).toBeGreaterThan(1)
  return results.reduce((sum, { lost }) => sum + lost, 0)
}

describe('host-gw by commands', () => {
  // The first as flannel documents it: its quotes need a shell. The others are words alone.
  const add = 'ip route add $SUBNET via $PUBLIC_IP'
  const remove = 'ip route del $SUBNET via $PUBLIC_IP'
  const ofReadme: object = JSON.parse(
    documentBlock('packages/backend-extension/README.md', '{\n  "Network": "10.50.0.0/16"', {
      '10.50.0.0': '10.244.0.0',
    }),
  ).Backend
  const add6 = 'ip -6 route add $IPV6SUBNET via $PUBLIC_IPV6'
  const remove6 = 'ip -6 route del $IPV6SUBNET via $PUBLIC_IPV6'
  test.each<[keyof typeof networks, string, object]>([
    [
      'IPv4',
      "with a shell, as flannel's documentation has it",
      {
        Shell: true,
        SubnetAddCommand: 'ip route add "$SUBNET" via "$PUBLIC_IP"',
        SubnetRemoveCommand: 'ip route del "$SUBNET" via "$PUBLIC_IP"',
      },
    ],
    ['IPv4', 'as the README has it, without a shell', ofReadme],
    [
      'dual-stack',
      'with a shell',
      { Shell: true, SubnetAddCommand: `${add} && ${add6}`, SubnetRemoveCommand: `${remove}; ${remove6}` },
    ],
    ['IPv6-only', 'without a shell', { SubnetAddCommand: add6, SubnetRemoveCommand: remove6 }],
  ])('%s, %s: pods reach each other', async (families, _how, commands) => {
    await using joined = await joinedLab(
      { ...networks[families], Backend: extension(commands) },
      { hosts: 2, ...underlays[families] },
    )
    expect(await lossBetweenPods(joined)).toBe(0)
  })

  test('a host killed and started again loses no packet, and removes the peer that left meanwhile', async () => {
    const commands = { SubnetAddCommand: add, SubnetRemoveCommand: remove }
    await using joined = await joinedLab({ ...networks.IPv4, Backend: extension(commands) }, { hosts: 3 })
    const [first, stays, leaves] = [joined.member(0), joined.member(1), joined.member(2)]
    const stream = await PingStream.start(first.pod, `${stays.pod.addresses[0]}`, 20)
    await first.agent.kill()
    await leaves.agent.stop()
    {
      await using subnets = joined.network.subnets()
      await subnets.releaseLease(leaves.lease)
    }
    expect(await first.host.ip('route')).toContain(leaves.lease.subnet)
    const again = joined.network.startAgent(first.host)
    await again.waitFor('in-sync')
    const routes = await first.host.ip('route')
    expect(routes).not.toContain(leaves.lease.subnet)
    expect(routes).toContain(`${stays.lease.subnet} via 192.168.77.2`)
    const { sent, lost, longestGapMs } = await stream.stop()
    printTime(`extension: ${sent} packets, ${lost} lost, longest gap`, longestGapMs)
    expect(lost).toBe(0)
  })

  test('a command that fails is run again until it succeeds, and costs no other peer anything', async () => {
    await using lab = await Lab.create({ hosts: 3 })
    const gate = join(lab.directory, 'gate')
    const refused = `test -e ${gate} || test "$PUBLIC_IP" != 192.168.77.2 || { echo not yet >&2; exit 3; }`
    const commands = { Shell: true, SubnetAddCommand: `${refused}; ${add}`, SubnetRemoveCommand: remove }
    const network = await Network.create(lab, { ...networks.IPv4, Backend: extension(commands) })
    const members = await Promise.all(lab.hosts.map((host) => network.join(host)))
    const [first, second, third] = members as [(typeof members)[0], (typeof members)[0], (typeof members)[0]]
    const { message } = await first.agent.waitFor('error')
    expect(message).toBe(
      `SubnetAddCommand for ${second.lease.subnet} failed: sh exited with status 3: not yet`,
    )
    await pingUntilReached(first.pod, `${third.pod.addresses[0]}`)
    expect(await first.host.ip('route')).not.toContain(second.lease.subnet)
    await writeFile(gate, '')
    await pingUntilReached(first.pod, `${second.pod.addresses[0]}`, { timeout: 30_000 })
  })
})

describe('vxlan by commands', () => {
  // As flannel documents it: a device that is made at each start, its MAC published, one set of entries for a peer.
  const device = 'flannel-ext'
  const base = `$(echo "$SUBNET" | cut -d/ -f1)`
  const commands = {
    Shell: true,
    PreStartupCommand:
      `ip link del ${device} 2>/dev/null; ip link add ${device} type vxlan id 7 dstport 8472 nolearning && ` +
      `ip link set ${device} mtu 1450 && cat /sys/class/net/${device}/address`,
    PostStartupCommand: `ip addr add ${base}/32 dev ${device} && ip link set ${device} up`,
    SubnetAddCommand:
      `read mac; ip route add "$SUBNET" nexthop via ${base} dev ${device} onlink && ` +
      `ip neigh replace ${base} dev ${device} lladdr "$mac" && ` +
      `bridge fdb append "$mac" dev ${device} self dst "$PUBLIC_IP"`,
    SubnetRemoveCommand:
      `read mac; ip route del "$SUBNET" dev ${device}; ip neigh del ${base} dev ${device}; ` +
      `bridge fdb del "$mac" dev ${device} self dst "$PUBLIC_IP"`,
  }

  test('pods reach each other, also once a host has made its device anew and published another MAC', async () => {
    await using joined = await joinedLab({ ...networks.IPv4, Backend: extension(commands) }, { hosts: 2 })
    const [first, second] = [joined.member(0), joined.member(1)]
    expect(await lossBetweenPods(joined)).toBe(0)
    const { backendData } = first.lease.attributes
    expect(backendData).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
    expect(await second.host.bridge('fdb', 'show', 'dev', device)).toContain(
      `${backendData} dst 192.168.77.1 self`,
    )

    await first.agent.stop()
    const again = joined.network.startAgent(first.host)
    const { lease } = await again.ready()
    expect(lease.subnet).toBe(first.lease.subnet)
    expect(lease.attributes.backendData).not.toBe(backendData)
    await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)
    const fdb = await until('the former MAC to go', async () => {
      const text = await second.host.bridge('fdb', 'show', 'dev', device)
      return text.includes(`${backendData}`) ? undefined : text
    })
    expect(fdb).toContain(`${lease.attributes.backendData} dst 192.168.77.1 self`)
  })
})

test("tailscale, as k3s configures it, is set to a node's own subnets and brought down at the end", async () => {
  await using lab = await Lab.create({ hosts: 1, ipv6: true })
  const log = join(lab.directory, 'tailscale.log')
  await mkdir(join(lab.directory, 'bin'))
  const program = join(lab.directory, 'bin', 'tailscale')
  await writeFile(program, `#!/bin/sh\necho "$@" >> ${log}\n`)
  await chmod(program, 0o755)
  process.env.PATH = `${join(lab.directory, 'bin')}:${PATH}`
  const network = await Network.create(lab, {
    ...networks['dual-stack'],
    Backend: extension({
      PostStartupCommand: 'tailscale set --accept-routes --advertise-routes=$SUBNET,$IPV6SUBNET',
      ShutdownCommand: 'tailscale down',
    }),
  })
  const [host] = lab.hosts
  if (host === undefined) throw new RangeError('no host')
  const set = (subnet?: string, ipv6Subnet?: string) =>
    `set --accept-routes --advertise-routes=${subnet},${ipv6Subnet}\n`
  const agent = network.startAgent(host)
  const { lease } = await agent.ready()
  const once = set(lease.subnet, lease.ipv6Subnet)
  expect(await readFile(log, 'utf8')).toBe(once)
  await agent.stop()
  expect(await readFile(log, 'utf8')).toBe(`${once}down\n`)

  await using killed = { agent: network.startAgent(host), [Symbol.asyncDispose]: () => host.killAll() }
  await killed.agent.ready()
  await killed.agent.kill()
  const last = network.startAgent(host)
  await last.ready()
  await last.stop()
  expect(await readFile(log, 'utf8')).toBe(`${once}down\n${once}${once}down\n`)
})
