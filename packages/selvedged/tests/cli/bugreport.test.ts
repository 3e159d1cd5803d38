/** `selvedge bugreport` of a host with an agent, on a real kernel and a real etcd. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { Rig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { selvedgeIn } from './selvedge.js'

/** Of the config, which an agent of vxlan ignores; of the environment; and in a URL. */
const SECRETS = ['planted-psk-1', 'planted-password-2', 'planted-userinfo-3']

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

  await first.exec('tar', ['-xzf', file, '-C', folder])
  const [name = ''] = (await readdir(folder)).filter((each) => !each.endsWith('.gz'))
  const read = (path: string) => readFile(join(folder, name, path), 'utf8')
  const paths = (await readdir(join(folder, name), { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(join(folder, name).length + 1))
  for (const path of ['status', 'inspect', 'plan', 'doctor', 'leases', 'config']) {
    expect(await read(`${path}.txt`)).not.toBe('')
    expect(JSON.parse(await read(`${path}.json`))).toBeTypeOf('object')
  }
  expect(JSON.parse(await read('inspect.json'))).toMatchObject({
    source: 'agent',
    page: { backend: 'vxlan' },
  })
  expect(JSON.parse(await read('plan.json'))).toMatchObject({ changes: false })
  expect(await read('kernel/link.txt')).toContain('vxlan id 1')
  expect(await read('kernel/route4.txt')).toContain('dev flannel.1')
  expect(await read('kernel/fdb.txt')).toContain('dev flannel.1')
  expect(await read('kernel/sysctl.txt')).toMatch(/^net\.ipv4\.ip_forward = \d$/m)
  expect(await read('host/subnet.env')).toBe(await readFile(subnetFile, 'utf8'))
  expect(await read('agent/metrics.txt.failed.txt')).toContain('--healthz-port')
  const readme = await read('README.txt')
  for (const path of paths) expect(path === 'README.txt' || readme.includes(path)).toBe(true)

  const whole = (await Promise.all(paths.map(read))).join('\n')
  expect(whole).toContain('[redacted]')
  for (const secret of SECRETS) expect(whole.split('\n').filter((line) => line.includes(secret))).toEqual([])

  const before = await readFile(file)
  expect(await selvedge('bugreport', file)).toMatchObject({ status: 3, stdout: '' })
  expect(await readFile(file)).toEqual(before)
  const other = join(folder, 'other')
  await writeFile(other, 'precious')
  expect(await selvedge('bugreport', other)).toMatchObject({ status: 3 })
  expect(await readFile(other, 'utf8')).toBe('precious')
  for (const each of agents) await each.stop()
})
