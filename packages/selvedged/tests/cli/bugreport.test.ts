/** `selvedge bugreport` of a host with an agent, on a real kernel and a real etcd. */
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Host } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { printTime } from '../print-time.js'
import { Rig, vxlanConfig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { selvedgeIn } from './selvedge.js'

/** Of the config, which an agent of vxlan ignores; of the environment; and in a URL. */
const SECRETS = ['planted-psk-1', 'planted-password-2', 'planted-userinfo-3']

/** The files of a report, by their paths, as plain tar unpacks them. */
async function unpacked(host: Host, file: string): Promise<ReadonlyMap<string, string>> {
  const folder = `${file}-unpacked`
  await mkdir(folder)
  await host.exec('tar', ['-xzf', file, '-C', folder])
  const [name = ''] = await readdir(folder)
  const found = await readdir(join(folder, name), { recursive: true, withFileTypes: true })
  const paths = found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
  const read = async (path: string) =>
    [path.slice(join(folder, name).length + 1), await readFile(path, 'utf8')] as const
  return new Map(await Promise.all(paths.map(read)))
}

const linesWith = (files: ReadonlyMap<string, string>, secret: string): readonly string[] =>
  [...files].flatMap(([path, text]) =>
    text.split('\n').flatMap((line) => (line.includes(secret) ? [`${path}: ${line}`] : [])),
  )

test('a bugreport holds what the other commands and the kernel say, and no secret; it overwrites nothing', async () => {
  await using rig = await Rig.create({
    Network: '10.244.0.0/16',
    Backend: { Type: 'vxlan', PSK: SECRETS[0] },
  })
  const [first] = rig.lab.hosts
  if (first === undefined) throw new Error('a host is needed')
  const { agents } = await rig.joinAll()
  const { subnetFile, leaseCache } = filesOf(rig.lab, first)
  const folder = join(dirname(subnetFile), 'report')
  await mkdir(folder)
  const file = join(folder, 'report.tar.gz')
  await first.exec('ip', ['link', 'add', 'named', 'type', 'veth', 'peer', 'name', 'other'])
  await first.exec('ip', ['link', 'set', 'named', 'alias', `http://u:${SECRETS[2]}@host/`])
  const selvedge = selvedgeIn(
    first,
    [
      `--control-socket=${controlSocketOf(subnetFile)}`,
      `--etcd-endpoints=${rig.etcd.endpoint}`,
      `--subnet-file=${subnetFile}`,
      `--lease-cache=${leaseCache}`,
      '--iptables-forward-rules=false',
    ],
    [`SOME_PASSWORD=${SECRETS[1]}`],
  )
  const made = await selvedge('bugreport', file)
  expect(made).toMatchObject({ status: 0, stderr: '' })
  expect(made.stdout).toContain(`wrote ${file}`)
  expect((await stat(file)).mode & 0o777).toBe(0o600)

  const files = await unpacked(first, file)
  const read = (path: string) => files.get(path) ?? ''
  for (const path of ['status', 'inspect', 'plan', 'doctor', 'leases', 'config']) {
    expect(read(`${path}.txt`)).not.toBe('')
    expect(JSON.parse(read(`${path}.json`))).toBeTypeOf('object')
  }
  expect(JSON.parse(read('inspect.json'))).toMatchObject({ source: 'agent', page: { backend: 'vxlan' } })
  expect(JSON.parse(read('plan.json'))).toMatchObject({ changes: false })
  expect(read('kernel/link.txt')).toContain('vxlan id 1')
  expect(read('kernel/route4.txt')).toContain('dev flannel.1')
  expect(read('kernel/fdb.txt')).toContain('dev flannel.1')
  expect(read('kernel/sysctl.txt')).toMatch(/^net\.ipv4\.ip_forward = \d$/m)
  expect(read('host/subnet.env')).toBe(await readFile(subnetFile, 'utf8'))
  expect(read('agent/metrics.txt.failed.txt')).toContain('--healthz-port')
  const readme = read('README.txt')
  for (const path of files.keys()) expect(path === 'README.txt' || readme.includes(path)).toBe(true)
  expect(linesWith(files, '[redacted]')).not.toEqual([])
  for (const secret of SECRETS) expect(linesWith(files, secret)).toEqual([])

  const before = await readFile(file)
  expect(await selvedge('bugreport', file)).toMatchObject({ status: 3, stdout: '' })
  expect(await readFile(file)).toEqual(before)
  const other = join(folder, 'other')
  await writeFile(other, 'precious')
  await symlink(other, join(folder, 'link'))
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling'))
  for (const name of ['other', 'link', 'dangling']) {
    expect(await selvedge('bugreport', join(folder, name))).toMatchObject({ status: 3, stdout: '' })
  }
  expect(await readFile(other, 'utf8')).toBe('precious')
  expect(await readdir(folder)).not.toContain('nowhere')
  for (const each of agents) await each.stop()
})

/** In a journal, though no agent logs them: of a flag, of files that the flags and the environment name, and by their form. */
const LOGGED = {
  flag: 'planted-flag-4',
  wireguardKey: 'cGxhbnRlZC13aXJlZ3VhcmQta2V5LTMyLWJ5dGVzISE=',
  clientKey: 'cGxhbnRlZC1saW5lLW9mLWEtY2xpZW50LWtleS1pbi1QRU0tbG9uZw==',
  bearer: 'planted.bearer.token-7',
  psk: 'planted psk of words',
}

test('beside an agent that hangs and without etcd there is a report of what is left, without what the log should not have', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const host = rig.lab.host(0)
  const agent = rig.start(0)
  await agent.logged('subnet.env is written', { timeout: 30_000 })
  const { subnetFile, leaseCache } = filesOf(rig.lab, host)
  const folder = dirname(subnetFile)
  const [key, pem, journal] = ['wgkey', 'client.pem', 'journalctl'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  await writeFile(key, `${LOGGED.wireguardKey}\n`)
  await writeFile(pem, `-----BEGIN PRIVATE KEY-----\n${LOGGED.clientKey}\n-----END PRIVATE KEY-----\n`)
  const log = [
    `login as root with ${LOGGED.flag}`,
    `private key ${LOGGED.wireguardKey} was read`,
    `line 2 of the key is ${LOGGED.clientKey}`,
    `sent Authorization: Bearer ${LOGGED.bearer}`,
    `psk: ${LOGGED.psk}`,
    'an innocent line',
  ]
  await writeFile(journal, `#!/bin/sh\ncat <<'END'\n${log.join('\n')}\nEND\n`, { mode: 0o755 })
  agent.signal('SIGSTOP')
  await rig.etcd.kill()
  const selvedge = selvedgeIn(
    host,
    [
      `--control-socket=${controlSocketOf(subnetFile)}`,
      `--etcd-endpoints=${rig.etcd.endpoint}`,
      '--etcd-username=root',
      `--etcd-password=${LOGGED.flag}`,
      `--etcd-certfile=${pem}`,
      `--etcd-keyfile=${pem}`,
      `--subnet-file=${subnetFile}`,
      `--lease-cache=${leaseCache}`,
    ],
    [`WIREGUARD_KEY_FILE=${key}`],
    `mount -t tmpfs none /usr/local/sbin; cp ${journal} /usr/local/sbin/`,
  )
  const file = join(folder, 'report.tar.gz')
  const started = performance.now()
  const made = await selvedge('bugreport', file)
  printTime('a report beside an agent that hangs, without etcd', performance.now() - started)
  expect(made).toMatchObject({ status: 0, stderr: '' })
  const files = await unpacked(host, file)
  expect(files.get('agent/log-selvedged.txt')).toContain('an innocent line')
  expect(files.get('kernel/link.txt')).toContain('vxlan id 1')
  expect(files.get('host/subnet.env')).toContain('FLANNEL_NETWORK=10.244.0.0/16')
  // On a machine that is busy, what waits for both may be cut off; it says so then.
  const doctor = files.get('doctor.txt') ?? files.get('doctor.txt.failed.txt')
  expect(doctor).toMatch(/agent\.\w+|longer than 10 s/)
  expect(files.get('leases.txt.failed.txt')).toMatch(/etcd|longer than 10 s/)
  for (const secret of Object.values(LOGGED)) expect(linesWith(files, secret)).toEqual([])
  await agent.kill()
})
