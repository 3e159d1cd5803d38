import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, until } from '@selvedge/lab'
import { firewalld } from '../../../../scripts/firewalld.mjs'
import type { GuideHost } from './guide-host.js'

/** firewalld is spoken to by a system bus: one of the host's own, where each may say anything. */
const busConfig = (socket: string) => `<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
`

/** Debian's firewalld on a host, with Debian's zones, until it is disposed of: then its rules are gone. */
export async function startFirewalld(
  host: GuideHost,
  folder: string,
  backend: 'nftables' | 'iptables',
): Promise<AsyncDisposable> {
  if (!existsSync(firewalld)) throw new Error('firewalld is not unpacked: npm test does that')
  await mkdir(folder)
  const [socket, config] = [join(folder, 'bus'), join(folder, 'bus.conf')]
  await writeFile(config, busConfig(socket))
  const python = [
    `DBUS_SYSTEM_BUS_ADDRESS=unix:path=${socket}`,
    `PYTHONPATH=${firewalld}/usr/lib/python3/dist-packages`,
    '/usr/bin/python3 -s',
  ].join(' ')
  await host.addProgram('firewall-cmd', `exec env ${python} ${firewalld}/usr/bin/firewall-cmd "$@"`)
  await host.sh(`rm -rf /etc/firewalld; cp -a ${firewalld}/etc/firewalld /etc/`)
  await host.sh(`sed -i 's/^FirewallBackend=.*/FirewallBackend=${backend}/' /etc/firewalld/firewalld.conf`)
  const bus = host.start(`dbus-daemon --config-file=${config} --nofork --nopidfile --nosyslog`)
  await until('the bus listens', () => existsSync(socket) || undefined)
  const daemon = host.start(
    `env ${python} ${firewalld}/usr/sbin/firewalld --nofork --nopid --default-config=${firewalld}/usr/lib/firewalld`,
  )
  await until(
    'firewalld runs',
    () =>
      host.sh('firewall-cmd --state').then(
        () => true,
        () => undefined,
      ),
    { timeoutMs: 60_000, intervalMs: 100 },
  )
  return {
    async [Symbol.asyncDispose]() {
      await end(daemon)
      await end(bus)
    },
  }
}

async function end(child: Child): Promise<void> {
  const closed = new Promise((resolve) => child.once('close', resolve))
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await closed
}
