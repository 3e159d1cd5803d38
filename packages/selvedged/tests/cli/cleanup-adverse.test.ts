/**
 * `selvedge cleanup` where something is in its way: nobody agrees, another program's objects look like flannel's, both
 * implementations of iptables hold rules, something cannot be removed, it is killed. What overlays leave is made by commands.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Host, Lab } from '@selvedge/lab'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { filesOf } from '../selvedged.js'
import { type Ended, SELVEDGE, selvedgeIn } from './selvedge.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create({ hosts: 0 })
})
afterAll(() => lab[Symbol.asyncDispose]())

/** Each test has one of its own. */
let host: Host
beforeEach(async () => {
  host = await lab.addHost()
  // New links get no addresses of the kernel's, a second later.
  await host.sysctl({ 'net/ipv6/conf/default/disable_ipv6': 1 })
})

const flags = (): readonly string[] => {
  const { subnetFile, leaseCache } = filesOf(lab, host)
  return [`--subnet-file=${subnetFile}`, `--lease-cache=${leaseCache}`, '--control-socket=']
}

/** In a mount namespace of its own: as on a host without IPsec and WireGuard, and as `script` makes it. */
const within = (script = ':'): readonly string[] => [
  ...['unshare', '--mount', 'sh', '-ec', `mount -t tmpfs none /run; ${script}; exec "$@"`, 'sh'],
]

const cleanup = (args: readonly string[], script?: string): Promise<Ended> =>
  selvedgeIn(host, flags(), within(script))('cleanup', ...args)

const sh = (script: string): Promise<string> => host.exec('sh', ['-euc', script])

const linkNames = async (): Promise<readonly string[]> => {
  const links: { ifname: string }[] = JSON.parse(await host.ip('-json', 'link'))
  return links.map(({ ifname }) => ifname)
}

/** What flanneld leaves, with iptables' rules in the way of a variant of it. */
const flannels = (...iptables: readonly string[]): string => `
ip link add flannel.1 type vxlan id 1 dev eth0 dstport 8472 nolearning; ip link set flannel.1 up
ip address add 10.244.3.0/32 dev flannel.1
ip route add 10.244.5.0/24 via 10.244.5.0 dev flannel.1 onlink
for tool in ${iptables.join(' ')}; do
  $tool -t nat -N FLANNEL-POSTRTG
  $tool -t nat -A POSTROUTING -m comment --comment 'flanneld masq' -j FLANNEL-POSTRTG
  $tool -t nat -A FLANNEL-POSTRTG -m comment --comment 'flanneld masq' -j MASQUERADE
  $tool -N FLANNEL-FWD
  $tool -A FORWARD -m comment --comment 'flanneld forward' -j FLANNEL-FWD
  $tool -A FLANNEL-FWD -m comment --comment 'flanneld forward' -j ACCEPT
done
`

async function writeSubnetEnv(): Promise<void> {
  const { subnetFile } = filesOf(lab, host)
  await mkdir(dirname(subnetFile), { recursive: true })
  await writeFile(
    subnetFile,
    'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.3.1/24\nFLANNEL_MTU=1450\n',
  )
}

/** At a terminal, where this is typed once it asks. */
async function typed(answer: string): Promise<{ status: number | null; said: string }> {
  const command = [process.execPath, SELVEDGE, 'cleanup', ...flags()].join(' ')
  const inHost = ['netns', 'exec', host.namespace, ...within(), 'script', '-qec', command, '/dev/null']
  const child = spawn('ip', inHost, { signal: AbortSignal.timeout(50_000) })
  const closed = once(child, 'close')
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    if (!said.includes(QUESTION) && (said + part).includes(QUESTION)) child.stdin.write(answer)
    said += part
  })
  await closed
  return { status: child.exitCode, said: said.replaceAll('\r\n', '\n') }
}

const QUESTION = 'Remove all of this? [y/N]'
const [CTRL_C, CTRL_D] = ['\u0003', '\u0004']

test('it removes what it has shown once somebody says y at a terminal; not for another answer, none, or nobody', async () => {
  await sh(flannels('iptables'))
  for (const [answer, expected] of [
    ['yet\n', 3],
    [CTRL_D, 3],
    [CTRL_C, 130],
  ] as const) {
    const { status, said } = await typed(answer)
    expect({ answer, status }).toEqual({ answer, status: expected })
    expect(said).toContain(QUESTION)
    expect(said.includes('nothing is removed')).toBe(expected === 3)
    expect(await linkNames()).toContain('flannel.1')
  }
  for (const args of [[], ['--json']]) {
    const nobody = await cleanup(args)
    expect(nobody).toMatchObject({ status: 3, stderr: expect.stringContaining('--yes') })
    expect(nobody.stderr).not.toContain(QUESTION)
  }
  expect(await linkNames()).toContain('flannel.1')
  const agreed = await typed('Y\n')
  expect(agreed.said).toMatch(/^removed$/m)
  expect(agreed.status).toBe(0)
  expect(await linkNames()).not.toContain('flannel.1')
  // There is nothing to ask about.
  const again = await typed('')
  expect(again).toEqual({ status: 0, said: expect.stringContaining('no overlay has left anything') })
  expect(again.said).not.toContain(QUESTION)
})

/** Names like flannel's, of other programs. */
const LOOK_ALIKES = `
ip link add flannel.99 type vxlan id 9 dev eth0 dstport 4789; ip link set flannel.99 up
ip link add flannel.9 type bridge; ip link add flannel0 type veth peer name other0
ip address add 192.0.2.1/24 dev flannel.9; ip link set flannel.9 up
ip nexthop add id 7 via 192.0.2.9 dev flannel.9
ip route add 10.99.0.0/24 dev flannel.99; ip route add 10.98.0.0/24 nhid 7
for tool in iptables iptables-legacy ip6tables; do
  $tool -t nat -A POSTROUTING -m mark --mark 0x9 -j ACCEPT
  $tool -N FLANNEL-FOO; $tool -A FORWARD -j FLANNEL-FOO
  $tool -A FLANNEL-FOO -m comment --comment 'not flanneld forward' -j ACCEPT
done
nft add table ip flannel-ipv4x; nft add chain ip flannel-ipv4x postrtg
`

/** Rules of both implementations, and what is not flannel's at all. */
const everything = (): Promise<string> =>
  sh(
    'ip -o -d link; ip -o address; ip route show table all; ip nexthop; nft list ruleset; for family in ip ip6; do ' +
      `\${family}tables-legacy-save; done | sed 's/\\[.*//; /^#/d'`,
  ).then((state) =>
    state.replaceAll(/NO-CARRIER,|,LOWER_UP|linkdown | state (UP|DOWN|UNKNOWN)|_timer +[\d.]+/g, ''),
  )

test('rules of both iptables go, by whichever name; what only looks like flannel’s is named, and stays', async () => {
  // Chains that the legacy one makes stay in the kernel as empty tables.
  await sh(
    'for tool in iptables ip6tables; do for table in nat filter; do $tool-legacy -t $table -S >/dev/null; done; done',
  )
  await sh(LOOK_ALIKES)
  const before = await everything()
  expect(await cleanup(['--dry-run'])).toMatchObject({ status: 0, stderr: '' })
  for (const system of ['nft', 'legacy'] as const) {
    await sh(flannels('iptables-nft', 'iptables-legacy', 'ip6tables-legacy'))
    // An object of selvedge's that no route leads through any more, as a crash leaves it.
    await sh('ip nexthop add id 1073741900 via 10.244.7.0 dev flannel.1 onlink proto 157')
    await writeSubnetEnv()
    const done = await cleanup(['--yes'], system === 'nft' ? undefined : LEGACY_BY_DEFAULT)
    expect(done).toMatchObject({ status: 0, stderr: '' })
    const lines = done.stdout.split('\n')
    const other = system === 'nft' ? 'legacy' : 'nft'
    expect(lines).toContain('- traffic rules by iptables ipv4')
    expect(lines).toContain(`- traffic rules by iptables-${other} ipv4`)
    expect(lines.filter((line) => line.includes('traffic rules'))).toHaveLength(3)
    const named = done.stdout.replaceAll(/\n {2,}/g, ' ')
    for (const link of ['flannel.99, vxlan of VNI 9', 'flannel.9, bridge', 'flannel0, veth']) {
      expect(named).toContain(
        `? link ${link}: its name is like flannel's, and another program made it; it stays`,
      )
    }
    expect(await everything()).toBe(before)
  }
})

/** As `update-alternatives` sets it. */
const LEGACY_BY_DEFAULT = `
mkdir /run/alternatives; cp -a /etc/alternatives/. /run/alternatives
for tool in iptables ip6tables; do for what in "" -save -restore; do
  ln -sf "/usr/sbin/$tool-legacy$what" "/run/alternatives/$tool$what"
done; done
mount --bind /run/alternatives /etc/alternatives`

test('rules that another program’s rule leads to are named and stay, all else goes; a second run finishes it', async () => {
  await sh(flannels('iptables'))
  await writeSubnetEnv()
  await sh('iptables -N MINE; iptables -A MINE -j FLANNEL-FWD')
  const failed = await cleanup(['--yes', '--json'])
  expect(failed.status).toBe(1)
  const { removed, failures } = JSON.parse(failed.stdout)
  expect({ removed, codes: failures.map(({ code }: { code: string }) => code) }).toEqual({
    removed: true,
    codes: ['DRIVER_REFUSED'],
  })
  expect(failures[0].message).toMatch(/iptables-restore.*failed/)
  expect(await linkNames()).not.toContain('flannel.1')
  await sh('iptables -F MINE')
  expect(await cleanup(['--yes'])).toMatchObject({ status: 0, stderr: '' })
  expect(await sh('iptables-save')).not.toMatch(/flannel/i)
  expect(await cleanup(['--yes'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('no overlay has left'),
  })
})

/** A tool that kills who runs it. */
const DEADLY = `
printf '#!/bin/sh\\nkill -9 $PPID\\n' > /run/deadly; chmod +x /run/deadly
mount --bind /run/deadly "$(readlink -f /usr/sbin/ip6tables-legacy-restore)"`

test('one that is killed as it turns to the rules is finished by a second run', async () => {
  await sh(flannels('iptables', 'ip6tables-legacy'))
  await writeSubnetEnv()
  const killed = await cleanup(['--yes'], DEADLY)
  expect(killed.stdout).not.toContain('removed')
  // It got no further than that.
  expect(await sh('ip6tables-legacy-save')).toContain('FLANNEL-FWD')
  expect(await linkNames()).toContain('flannel.1')
  expect(await cleanup(['--yes'])).toMatchObject({ status: 0, stderr: '' })
  for (const tool of ['iptables', 'ip6tables-legacy'])
    expect(await sh(`${tool}-save`)).not.toMatch(/flannel/i)
  expect(await linkNames()).not.toContain('flannel.1')
  expect(await cleanup(['--yes'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('no overlay has left'),
  })
})
