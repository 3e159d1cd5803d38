/** OpenRC's script, run by OpenRC itself. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import { DebianHost } from './debian-host.js'

const ROOT = new URL('../../../../', import.meta.url)

/** What OpenRC makes when it boots, and a service that stands for the host's network. */
const BOOTED = `
for state in starting started stopping inactive wasinactive failed hotplugged daemons options exclusive scheduled tmp; do
  mkdir -p "/run/openrc/$state"
done
echo default > /run/openrc/softlevel
printf '#!/sbin/openrc-run\\ndepend() { provide net; }\\nstart() { return 0; }\\n' > /etc/init.d/wire
chmod 755 /etc/init.d/* /usr/bin/selvedged
rc-update -u 2>&1`

test('OpenRC starts the agent, starts it again when it is killed, and stops it', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const debian = await DebianHost.boot(rig.lab, rig.lab.host(0))
  // The checkout's program, by this Node.js: the package itself is deb.test.ts's.
  const program = '/usr/lib/selvedge/selvedged'
  await mkdir(debian.path(program), { recursive: true })
  for (const file of ['package.json', 'bin', 'bundle']) {
    const from = fileURLToPath(new URL(`packages/selvedged/${file}`, ROOT))
    await cp(from, debian.path(`${program}/${file}`), { recursive: true })
  }
  for (const name of ['koffi', '@koromix', 'netlink', 'node-gyp-build']) {
    const from = fileURLToPath(new URL(`node_modules/${name}`, ROOT))
    await cp(from, debian.path(`/usr/lib/selvedge/node_modules/${name}`), { recursive: true })
  }
  await cp(process.execPath, debian.path('/usr/lib/selvedge/node'))
  await mkdir(dirname(debian.path('/usr/bin/selvedged')), { recursive: true })
  await writeFile(
    debian.path('/usr/bin/selvedged'),
    `#!/bin/sh\nexec /usr/lib/selvedge/node ${program}/bin/selvedged.js "$@"\n`,
  )
  await cp(fileURLToPath(new URL('deploy/host/openrc/selvedged', ROOT)), debian.path('/etc/init.d/selvedged'))
  // A value of several words, and a variable of its own.
  await writeFile(
    debian.path('/etc/default/selvedged'),
    `FLANNELD_OPTIONS="--iptables-forward-rules=false -v=1"\nFLANNELD_ETCD_ENDPOINTS=${rig.etcd.endpoint}\n`,
  )
  await debian.sh(BOOTED)
  const agent = async () => {
    const found = await debian.sh(
      'for p in /proc/[0-9]*; do case $(tr "\\0" " " < $p/cmdline) in /usr/lib/selvedge/node*) basename $p;; esac; done',
    )
    return found.trim()
  }
  const subnetEnv = () => readFile(debian.path('/run/flannel/subnet.env'), 'utf8').catch(() => undefined)

  // What it starts keeps the standard output that it is given.
  expect(await debian.sh('rc-service selvedged start > /run/said 2>&1; cat /run/said')).toContain(
    'Starting selvedged',
  )
  expect(await until('subnet.env', subnetEnv)).toContain('FLANNEL_NETWORK=10.244.0.0/16')
  expect(await debian.sh('stat -c %a /run/flannel /var/lib/selvedge /var/cache/selvedge')).toBe(
    '755\n700\n700\n',
  )
  const first = await agent()
  expect(first).toMatch(/^\d+$/)
  await debian.sh(`kill -KILL ${first}`)
  const log = () => readFile(debian.path('/var/log/selvedged.log'), 'utf8')
  const synced = async () => (await log()).split('"in sync').length - 1
  // It may have been killed before it was.
  const before = await synced()
  await until('another agent', async () => {
    const now = await agent()
    return now === '' || now === first ? undefined : true
  })
  await until('it to be in sync', async () => (await synced()) > before || undefined)
  expect(await debian.sh('rc-service selvedged status')).toContain('started')
  await debian.sh('rc-service selvedged stop')
  expect(await agent()).toBe('')
  expect(await log()).toContain('traffic flows on')
})
