/**
 * The blocks of docs/from-flannel.md on two hosts, whose pods ping each other meanwhile.
 *
 * `FLANNELD=/path/to/flanneld npx vitest run packages/selvedged/tests/guides/from-flannel.test.ts` runs it with flanneld itself.
 */
import { readFile } from 'node:fs/promises'
import { PingStream, type Pod, pingUntilReached, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { FLANNELD, type FlannelNetwork, flannelOnAll } from '../flannel/index.js'
import { Rig } from '../rig.js'
import { filesOf } from '../selvedged.js'
import { GuideHost } from './guide-host.js'

const PING_INTERVAL_MS = 10
const network: FlannelNetwork = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

/** flanneld as a service: it has the flags that the guide hands to selvedged. */
const SERVICE = `
. /etc/default/selvedged
case $1 in
start)
  '${FLANNELD}' $FLANNELD_OPTIONS > /var/log/flanneld.log 2>&1 < /dev/null &
  echo $! > /run/flannel/pid ;;
stop)
  pid=$(cat /run/flannel/pid)
  kill "$pid"
  while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done ;;
esac`

/** In its place: what flanneld leaves in the store and in the kernel is made by commands before, and again on the way back. */
const STAND_IN = 'echo "flanneld: $1" >> /var/log/flanneld.log'

/** Starts flanneld on all hosts; gives what starts it again on one of them, after its service was started. */
async function startFlannel(
  rig: Rig,
  hosts: readonly GuideHost[],
): Promise<(host: GuideHost) => Promise<void>> {
  for (const host of hosts) await host.addService('flanneld', FLANNELD === undefined ? STAND_IN : SERVICE)
  if (FLANNELD !== undefined) {
    for (const host of hosts) await host.sh('systemctl start flanneld')
    return async () => {}
  }
  const daemons = await flannelOnAll(rig, network)
  for (const host of hosts) {
    const input = await readFile(filesOf(rig.lab, host.host).subnetFile, 'utf8')
    await host.exec('tee', ['/run/flannel/subnet.env'], { input })
  }
  return async (host) => {
    expect(await host.sh('cat /var/log/flanneld.log')).toBe('flanneld: stop\nflanneld: start\n')
    await daemons.find((daemon) => daemon.host === host.host)?.start()
  }
}

async function addPod(host: GuideHost): Promise<Pod> {
  const subnet = await until(
    `subnet.env of ${host.name}`,
    async () =>
      /FLANNEL_SUBNET=(.*)/.exec(await host.sh('cat /run/flannel/subnet.env || true'))?.[1] ?? undefined,
    { timeoutMs: 30_000, intervalMs: 100 },
  )
  return host.host.addPod({ subnets: [subnet.replace('.1/', '.0/')], mtu: 1450 })
}

test('the commands of the guide take hosts from flanneld to selvedged and back, and no ping is lost', {
  timeout: 180_000,
}, async () => {
  await using rig = await Rig.create(network)
  const { lab, etcd } = rig
  const hosts = await Promise.all(lab.hosts.map((host) => GuideHost.prepare(lab, host)))
  for (const host of hosts) await host.install('from-flannel/selvedged.default', '/etc/default/selvedged')
  const startAgain = await startFlannel(rig, hosts)
  const [here, there] = await Promise.all(hosts.map(addPod))
  if (here === undefined || there === undefined) throw new Error('two hosts')
  const [to = ''] = there.addresses
  await pingUntilReached(here, to)
  const leases = await etcd.leases()
  const stream = await PingStream.start(here, to, PING_INTERVAL_MS)

  for (const host of hosts) {
    await host.run('from-flannel/over.sh', [], { timeoutMs: 90_000 })
    expect(await host.sh('selvedge status')).toContain('in sync')
    expect(await etcd.leases()).toEqual(leases)
  }
  for (const host of hosts) {
    await host.run('from-flannel/back.sh')
    await startAgain(host)
    await expect(host.sh('systemctl status selvedged')).rejects.toMatchObject({ status: 3 })
    expect(await etcd.leases()).toEqual(leases)
  }
  const { lost, sent } = await stream.stop()
  expect(sent).toBeGreaterThan(0)
  expect(lost).toBe(0)
  await pingUntilReached(here, to)
})
