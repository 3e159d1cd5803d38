/** What selvedged-cleanup takes from a kernel, and what of others it does not. */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { documentBlock, run } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const CLEANUP = fileURLToPath(new URL('../../../../deploy/host/selvedged-cleanup', import.meta.url))

/** Of others: links, routes and rules that look like ours. */
const OTHERS = `
ip link set lo up
ip link add docker0 type bridge; ip link set docker0 up alias 'not selvedge cluster'
ip link add flannel.9 type bridge; ip link set flannel.9 up
ip address add 192.0.2.1/24 dev docker0; ip address add 2001:db8::1/64 dev docker0 nodad
ip route add 10.9.0.0/24 via 192.0.2.9 proto static
ip -6 route add 2001:db8:9::/48 via 2001:db8::9 proto static
iptables -A FORWARD -s 10.9.0.0/24 -m comment --comment 'not FLANNEL, its own' -j ACCEPT
for tool in iptables ip6tables; do
  "$tool" -A FORWARD -m mark --mark 0x9 -j ACCEPT
  "$tool" -t nat -N KUBE-POSTROUTING; "$tool" -t nat -A POSTROUTING -j KUBE-POSTROUTING
done
nft add table ip calico; nft add chain ip calico forward
`

/** As the agent leaves them, with a network of a name, too. */
const OURS = `
for name in flannel.1 flannel-v6.1 fl-blue; do
  ip link add "$name" type bridge; ip link set "$name" up alias "selvedge cluster"
done
ip address add 10.1.0.0/32 dev flannel.1
ip route add 10.1.2.0/24 dev flannel.1 proto 157
ip route add 10.1.3.0/24 via 192.0.2.9 proto 157
ip -6 route add 2001:db8:1::/48 via 2001:db8::9 proto 157
ip nexthop add id 77 via 192.0.2.9 dev docker0 proto 157
for tool in iptables ip6tables; do
  for name in '' -blue; do
    "$tool" -N "FLANNEL-FWD$name"; "$tool" -A FORWARD -m comment --comment 'flanneld forward' -j "FLANNEL-FWD$name"
    "$tool" -t nat -N "FLANNEL-POSTRTG$name"
    "$tool" -t nat -A POSTROUTING -m comment --comment 'flanneld masq' -j "FLANNEL-POSTRTG$name"
    "$tool" -t nat -A "FLANNEL-POSTRTG$name" -m mark --mark 0x4000/0x4000 -j RETURN
  done
done
for table in 'ip flannel-ipv4' 'ip6 flannel-ipv6' 'ip flannel-ipv4-blue'; do nft add table $table; done
mkdir -p /run/flannel; echo FLANNEL_MTU=1450 > /run/flannel/subnet.env
`

const STATE = `
state() {
  # Counters are not state, nor are routes that the kernel makes with an address, some of them later.
  ip -br link | sed 's/ .*//' | sort
  for family in -4 -6; do ip "$family" route show table all | grep -v 'proto kernel' | sort; done
  ip nexthop
  nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'
  find /run/flannel 2>/dev/null || true
}
`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-cleanup-'))
  await mkdir(join(folder, 'bin'))
  for (const name of ['selvedged', 'flanneld']) await symlink('/bin/sleep', join(folder, 'bin', name))
})
afterAll(() => rm(folder, { recursive: true }))

/** In network, processes and /run of its own. */
const inCase = (commands: string) =>
  run(
    'unshare',
    [
      ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '/bin/sh', '-euc'],
      `mount -t tmpfs selvedge-test /run\n${STATE}\n${commands}`,
      CLEANUP,
    ],
    { timeoutMs: 30_000 },
  )

describe('selvedged-cleanup', () => {
  test('removes links, routes, nexthops, rules and subnet.env of ours, and nothing else, twice', async () => {
    const said = await inCase(`${OTHERS}
      state > /run/before
      ${OURS}
      state > /run/with
      "$0"; state > /run/after
      "$0"; state > /run/twice
      for other in with after twice; do
        echo "$other $(diff /run/before "/run/$other" | grep -c '^[<>]')" || true
      done
      diff /run/before /run/after || true`)
    const [withOurs = '', ...rest] = said.trim().split('\n')
    // Far more than a line for each kind.
    expect(Number(withOurs.split(' ')[1])).toBeGreaterThan(20)
    expect(rest.join('\n')).toBe('after 0\ntwice 0')
  })

  test.each(['selvedged', 'flanneld'])('does nothing while %s runs', async (agent) => {
    const said = await inCase(`
      ip link add flannel.1 type bridge; ip link set flannel.1 alias 'selvedge cluster'
      '${folder}/bin/${agent}' 100 &
      until grep -q 100 "/proc/$!/cmdline"; do sleep 0.1; done
      "$0" 2>&1 || echo "status $?"
      ip -br link | grep -c flannel`)
    expect(said.trim().split('\n')).toEqual([
      expect.stringMatching(/^selvedged-cleanup: an agent runs, process \d+; stop it first$/),
      'status 1',
      '1',
    ])
  })

  test('flanneld’s flags are read as the document says, of its process', async () => {
    const said = await inCase(`
      '${folder}/bin/flanneld' 100 &
      until grep -q 100 "/proc/$!/cmdline"; do sleep 0.1; done
      ${documentBlock('docs/from-flannel.md', "tr '\\0' '\\n'")}`)
    expect(said.trim().split('\n')).toEqual([`${folder}/bin/flanneld`, '100'])
  })

  test('is not kept from it by one who reads a file of the agent’s', async () => {
    const said = await inCase(`
      ip link add flannel.1 type bridge; ip link set flannel.1 alias 'selvedge cluster'
      : > /run/selvedged; tail -n 1 -f /run/selvedged &
      until grep -q tail "/proc/$!/cmdline"; do sleep 0.1; done
      "$0"
      ip -br link | grep flannel || echo gone`)
    expect(said.trim()).toBe('gone')
  })
})
