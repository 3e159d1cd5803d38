/**
 * ipip on a kernel that has it: `npm run test:kernel -- lab/tests/ipip.test.ts` where this one has not. What an agent says
 * there is tested by packages/selvedged/tests/ipip.test.ts.
 */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { type Member, pingMatrix, until } from '../src/index.js'
import { PATIENCE } from '../src/patience.js'
import { type JoinedLab, joinedLab } from './setup.js'

/** Asked of the kernel in namespaces that are gone at once. */
const isAble = [
  ['ipip', '192.0.2.1'],
  ['ip6tnl', '2001:db8::1'],
].every(
  ([type = '', local = '']) =>
    spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'probe', 'type', type, 'local', local]).status === 0,
)

test.runIf(!isAble)('NOTHING OF IPIP WAS TESTED HERE: this kernel lacks ipip or ip6_tunnel', () => {
  expect(isAble).toBe(false)
})

const Backend = { Type: 'ipip' }
const ipv4 = { Network: '10.244.0.0/16' }
const ipv6 = { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }

const families = [
  { name: 'IPv4', config: ipv4, underlay: {}, mtu: 1480 },
  { name: 'dual-stack', config: { ...ipv4, ...ipv6 }, underlay: { ipv6: true }, mtu: 1460 },
  {
    name: 'IPv6-only',
    config: { EnableIPv4: false, ...ipv6 },
    underlay: { ipv4: false, ipv6: true },
    mtu: 1460,
  },
]

/** IP and ICMP, in bytes. */
const headersOf = (address: string): number => (address.includes(':') ? 40 : 20) + 8

/** Pings that may not be fragmented, in packets of `length` bytes; what `ping` printed, whatever its exit status. */
const pingOfLength = ({ pod }: Member, address: string, length: number): Promise<string> =>
  pod
    .exec('ping', ['-n', '-M', 'do', '-c', '3', '-s', `${length - headersOf(address)}`, address])
    .catch(String)

async function lossBetweenPods({ members }: JoinedLab): Promise<number> {
  const pods = members.map(({ pod }) => pod)
  const results = await pingMatrix(pods, pods)
  expect(results.length).toBeGreaterThan(1)
  return results.reduce((sum, { lost }) => sum + lost, 0)
}

describe.runIf(isAble)('ipip', () => {
  test.each(families)('$name: pods reach pods with packets up to the MTU, and no larger', async (family) => {
    await using joined = await joinedLab({ ...family.config, Backend }, { hosts: 2, ...family.underlay })
    expect(await lossBetweenPods(joined)).toBe(0)
    const [first, second] = [joined.member(0), joined.member(1)]
    expect(first.mtu).toBe(family.mtu)
    for (const address of second.pod.addresses) {
      expect(await pingOfLength(first, address, family.mtu)).toContain(' 0% packet loss')
      expect(await pingOfLength(first, address, family.mtu + 1)).not.toContain(' 0% packet loss')
    }
  })

  test.each([
    ['flannel.ipip deleted', 'ip link delete flannel.ipip'],
    ['flannel.ipip down', 'ip link set flannel.ipip down'],
    ['its address deleted', 'ip address flush dev flannel.ipip'],
    ['its routes deleted', 'ip route flush dev flannel.ipip'],
    [
      'the devices of IPv6 peers deleted',
      'ip -o link show type ip6tnl | grep -o "fl6-[^@:]*" | xargs -n 1 ip link delete',
    ],
  ])('%s: it comes back as it was, and carries packets', async (_what, command) => {
    await using joined = await joinedLab({ ...ipv4, ...ipv6, Backend }, { hosts: 2, ipv6: true })
    const { host } = joined.member(0)
    const state = async () =>
      [await host.ip('-o', 'address'), await host.ip('route'), await host.ip('-6', 'route')]
        // Links are numbered as they come.
        .map((text) => text.replaceAll(/^\d+: /gm, '').replaceAll(/ (?:valid_lft|expires) .*$/gm, ''))
        // The kernel's own link-local addresses come and go with links.
        .map((text) =>
          text
            .split('\n')
            .filter((line) => !line.includes('fe80:'))
            .sort()
            .join('\n'),
        )
        .join('\n')
    const before = await state()
    await host.exec('sh', ['-ec', command])
    await expect.poll(state, { timeout: 10_000 * PATIENCE }).toBe(before)
    expect(await lossBetweenPods(joined)).toBe(0)
  })

  test('DirectRouting: plain routes to peers of the same network, the tunnel to one behind a router', async () => {
    const config = { ...ipv4, Backend: { ...Backend, DirectRouting: true } }
    await using joined = await joinedLab(config, { hosts: 3 })
    const [first, second, third] = [joined.member(0), joined.member(1), joined.member(2)]
    const wayTo = async ({ lease }: Member) =>
      (await first.host.ip('route', 'show', lease.subnet ?? '')).trim()
    expect(await wayTo(second)).toContain('via 192.168.77.2 dev eth0')
    expect(await wayTo(third)).toContain('via 192.168.77.3 dev eth0')
    // From now on the host reaches the third by way of the switch, as if it were on another network.
    await joined.lab.switch.sysctl({ 'net/ipv4/ip_forward': 1 })
    await first.host.ip('route', 'add', '192.168.77.3', 'via', '192.168.77.254')
    await until('the third peer to be tunnelled', async () =>
      (await wayTo(third)).includes('via 192.168.77.3 dev flannel.ipip') ? true : undefined,
    )
    expect(await wayTo(second)).toContain('via 192.168.77.2 dev eth0')
    expect(await lossBetweenPods(joined)).toBe(0)
  })
})
