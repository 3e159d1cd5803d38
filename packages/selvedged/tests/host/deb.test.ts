/** The .deb on a clean Debian 12, which has no Node.js: installed, started, upgraded while pods ping, and removed. */
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSubnetEnv } from '@selvedge/core'
import { documentBlock, PingStream, run, until } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureDebian12 } from '../../../../scripts/debian-12.mjs'
import { printTime } from '../print-time.js'
import { Rig, vxlanConfig } from '../rig.js'
import { untilAllReach } from '../until-all-reach.js'
import { DebianHost } from './debian-host.js'

const PACK = fileURLToPath(new URL('../../../../scripts/package.mjs', import.meta.url))
const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64'
const PING_INTERVAL_MS = 10
const MINUTE_MS = 60_000

let folder: string
const tarball = () => join(folder, `selvedged-0.1.0-linux-${ARCH}.tar.gz`)
const debOf = (version: string) => join(folder, `selvedged_${version}_${ARCH}.deb`)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-deb-'))
  const versions = ['--version', '0.1.0', '--version', '0.1.1']
  await Promise.all([
    run(process.execPath, [PACK, '--arch', ARCH, ...versions, '--fast', '--out', folder], {
      timeoutMs: 2 * MINUTE_MS,
    }),
    ensureDebian12(),
  ])
}, 3 * MINUTE_MS)
afterAll(() => rm(folder, { recursive: true }))

/** What the document's reader has, and a debootstrap has not: an editor, here one that writes a line, a service manager, a yes. */
const READER = `mkdir -p /usr/local/bin
printf '%s\\n' '#!/bin/sh' 'cat /run/line > "$1"' > /usr/local/bin/editor
cat > /usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$*" in
  'enable --now selvedged') exec selvedged-service start ;;
  'stop selvedged') exec selvedged-service stop ;;
  *) exit 1 ;;
esac
END
chmod 755 /usr/local/bin/*
echo 'APT::Get::Assume-Yes "true";' > /etc/apt/apt.conf.d/yes`

/** For a block of the document. */
const AS_READER = 'exec 2>&1; export PATH="/usr/local/bin:$PATH"\n'

test('installed, started, upgraded while pods ping, removed without a trace; and installed from the tarball', {
  timeout: 2 * MINUTE_MS,
}, async () => {
  await using rig = await Rig.create(vxlanConfig)
  const debian = await DebianHost.boot(rig.lab, rig.lab.host(0))
  const service = (verb: string) => debian.sh(`selvedged-service ${verb}`)
  await debian.sh('! command -v node; mkdir -p /opt/cni/bin /usr/lib/cni; echo other > /usr/lib/cni/flannel')
  await debian.sh(READER)
  const before = { files: await debian.files(), kernel: await debian.kernel() }

  // Another program's plugin is kept; ours is linked only where there is none.
  const options = `${rig.etcd.endpoint} --ip-masq -v=1`
  const places = { amd64: ARCH, 'http://10.0.0.5:2379': options }
  const [install = '', ...start] = documentBlock('docs/install.md', 'apt install', places).split('\n')
  expect(await debian.withFile(debOf('0.1.0'), `${AS_READER}${install}`)).toContain(
    "/usr/lib/cni/flannel is another program's and stays",
  )
  expect(await debian.sh('cat /usr/lib/cni/flannel')).toBe('other\n')
  expect(await debian.sh('CNI_COMMAND=VERSION /opt/cni/bin/flannel < /dev/null')).toContain('"1.1.0"')
  expect(await debian.sh('selvedged --version')).toMatch(/^selvedged \d/)
  expect(await debian.sh('selvedge --version')).toMatch(/^selvedge \d/)
  await expect(service('status')).rejects.toThrow('selvedged does not run')

  /** What its reader types into the editor is in a comment beside it. */
  const [, line = ''] = /^editor .*# (.*)$/m.exec(start.join('\n')) ?? []
  await debian.sh(`echo '${line}' > /run/line`)
  await debian.sh(`${AS_READER}${start.join('\n')}`)
  const peer = rig.start(1)
  const subnetEnv = await until('subnet.env', () =>
    readFile(debian.path('/run/flannel/subnet.env'), 'utf8').catch(() => undefined),
  )
  const { subnet = '', mtu = 0 } = parseSubnetEnv(subnetEnv)
  const pod = await rig.lab.host(0).addPod({ subnets: [subnet], mtu })
  const other = await peer.addPod()
  await untilAllReach([pod, other], [pod, other])
  await expect(debian.sh('selvedged-cleanup')).rejects.toThrow('an agent runs')

  const streams = await Promise.all([
    PingStream.start(pod, `${other.addresses[0]}`, PING_INTERVAL_MS),
    PingStream.start(other, `${pod.addresses[0]}`, PING_INTERVAL_MS),
  ])
  const agent = await service('status')
  await debian.withFile(debOf('0.1.1'), `dpkg --install ${basename(debOf('0.1.1'))}`)
  expect(await debian.sh('dpkg -s selvedged')).toMatch(/^Version: 0\.1\.1$/m)
  const upgraded = await service('status')
  expect(upgraded).not.toBe(agent)
  await until('the new agent to be in sync', async () => {
    const log = await readFile(debian.path('/var/log/selvedged.log'), 'utf8')
    return log.split('"in sync').length > 2 ? true : undefined
  })
  for (const stream of streams) {
    const { sent, lost, longestGapMs } = await stream.stop()
    printTime(`an upgrade: ${sent} packets, ${lost} lost, longest gap`, longestGapMs)
    expect(sent).toBeGreaterThan(50)
    expect(lost).toBe(0)
  }
  expect(await debian.sh('cat /etc/default/selvedged')).toContain(options)

  // The supervisor starts an agent that was killed again, and gives up flags that are not valid.
  await debian.sh('kill -KILL $(cat /run/selvedge/agent.pid)')
  await until('another agent', async () => {
    const now = await service('status').catch(() => undefined)
    return now === undefined || now === upgraded ? undefined : true
  })
  await service('stop')
  await expect(service('status')).rejects.toThrow('status 3')
  await writeFile(debian.path('/etc/default/selvedged'), 'FLANNELD_OPTIONS=--no-such-flag\n')
  await service('start')
  await until('the supervisor to end', () =>
    stat(debian.path('/run/selvedge/supervisor.pid')).then(
      () => undefined,
      () => true,
    ),
  )
  expect(await readFile(debian.path('/var/log/selvedged.log'), 'utf8')).toContain('no-such-flag')
  expect(await debian.kernel()).toMatch(/^> ip route$[^>]*dev flannel\.1 proto 157/ms)
  await debian.sh(`${AS_READER}${documentBlock('docs/install.md', 'systemctl stop selvedged')}`)
  await debian.sh('ip link delete cni0 2>/dev/null; ip link delete veth1 2>/dev/null || true')
  await debian.sh('rm /run/line')
  expect(await debian.files()).toEqual(before.files)
  expect(await debian.kernel()).toBe(before.kernel)

  await debian.sh(`echo '${line}' > /run/line`)
  const unpack = documentBlock('docs/install.md', 'tar --extract', {
    ...places,
    // Compressed quickly, for the test's sake.
    '--xz': '--gzip',
    'tar.xz': 'tar.gz',
  })
  await debian.withFile(tarball(), `${AS_READER}${unpack}`)
  await until('subnet.env', () =>
    readFile(debian.path('/run/flannel/subnet.env'), 'utf8').catch(() => undefined),
  )
  await service('stop')
})

test('the same files give the same package', { timeout: MINUTE_MS }, async () => {
  const again = await mkdtemp(join(tmpdir(), 'selvedge-deb-'))
  try {
    await run(process.execPath, [PACK, '--arch', ARCH, '--version', '0.1.0', '--fast', '--out', again], {
      timeoutMs: MINUTE_MS,
    })
    const sumOf = async (path: string) =>
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
    const deb = `selvedged_0.1.0_${ARCH}.deb`
    expect(await sumOf(join(again, deb))).toBe(await sumOf(debOf('0.1.0')))
    const sums = await readFile(join(again, 'SHA256SUMS'), 'utf8')
    expect(sums).toContain(`${await sumOf(join(again, deb))}  ${deb}\n`)
  } finally {
    await rm(again, { recursive: true })
  }
})
