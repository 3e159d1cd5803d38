import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { asShown, documentBlock, until } from '@selvedge/lab'
import { describe, expect, test } from 'vitest'
import { Rig, vxlanConfig } from './rig.js'

const PROGRAM = fileURLToPath(new URL('../bin/selvedged.js', import.meta.url))
const run = promisify(execFile)

/** Of an agent on a machine that has much other work. */
const IN_TIME = { timeout: 45_000 }

async function selvedged(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const ended = await run(process.execPath, [PROGRAM, ...args], {
    env: { PATH: process.env.PATH, ...env },
  }).catch((error) => error)
  return { status: ended.code ?? 0, stdout: ended.stdout, stderr: ended.stderr }
}

describe('exit status', () => {
  test.each([
    [['--etcd-prefx=/a'], 'unknown flag: -etcd-prefx'],
    [['--healthz-port=eighty'], 'invalid value "eighty" for flag -healthz-port: it must be a whole number'],
    [['--etcd-endpoints=http://etcd:99999'], 'invalid value "http://etcd:99999" for flag -etcd-endpoints'],
    [['--iptables-resync=0'], 'invalid value 0 for flag -iptables-resync: it must be 1 to 86400'],
  ])('2 for what cannot be taken: %j', async (args, message) => {
    const { status, stdout, stderr } = await selvedged(args)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr.split('\n')[0]).toContain(`selvedged: ${message}`)
  })

  test('2 for a variable that cannot be taken', async () => {
    const { status, stderr } = await selvedged([], { FLANNELD_HEALTHZ_PORT: 'eighty' })
    expect(status).toBe(2)
    expect(stderr).toContain('environment variable FLANNELD_HEALTHZ_PORT')
  })

  test('0 for help and version, on standard output', async () => {
    expect(await selvedged(['--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('\n  -etcd-endpoints string\n'),
      stderr: '',
    })
    expect(await selvedged(['--version'])).toMatchObject({
      status: 0,
      stdout: 'selvedged 0.1.0\n',
      stderr: '',
    })
  })

  test('1 for a health port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const { status, stderr } = await selvedged(['--healthz-ip=127.0.0.1', `--healthz-port=${port}`])
    server.close()
    expect(status).toBe(1)
    expect(stderr).toMatch(/--healthz-port; another program has that port, such as .*EADDRINUSE/)
  })

  test('1 for a second agent that would do the work of the first, which goes on; one that ends is waited for', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const first = rig.start(0)
    await first.logged(/^in sync/, IN_TIME)
    const second = rig.start(0)
    expect(await second.ended(IN_TIME.timeout)).toBe(1)
    expect(second.output).toMatch(
      /another agent does the work of this one: process \d+ answers at .*control\.sock/,
    )
    expect(second.logs.map(({ msg }) => msg)).not.toContain('lease acquired')
    expect(first.hasEnded).toBe(false)
    first.signal('SIGTERM')
    const third = rig.start(0)
    await third.logged(/^in sync/, IN_TIME)
    expect(await first.ended()).toBe(0)
    expect(third.output).not.toMatch(/another agent/)
  }, 180_000)

  test('1 for one of two agents that start in the same instant; the other does the work', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const both = [rig.start(0), rig.start(0)]
    const first = await Promise.race(
      both.map(async (agent) => {
        expect(await agent.ended(IN_TIME.timeout)).toBe(1)
        return agent
      }),
    )
    expect(first.output).toMatch(/another agent does the work of this one/)
    const other = both.find((agent) => agent !== first)
    await other?.inSync()
    expect(other?.hasEnded).toBe(false)
    await expect
      .poll(() => rig.lab.host(0).exec('ip', ['-br', 'link', 'show', 'flannel.1']))
      .toContain('flannel.1')
  }, 60_000)

  test('1 for a process without the rights that it takes, naming them', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const agent = rig.start(0, { wrapper: ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'] })
    expect(await agent.ended()).toBe(1)
    expect(agent.output).toMatch(/CAP_NET_ADMIN/)
  })
})

test('the rights that its unit file gives are enough', async () => {
  const unit = await readFile(new URL('../../../deploy/selvedged.service', import.meta.url), 'utf8')
  const [, rights = ''] = /^CapabilityBoundingSet=(.+)$/m.exec(unit) ?? []
  const given = rights.split(' ').map((right) => `+${right.replace('CAP_', '').toLowerCase()}`)
  expect(given).toContain('+net_admin')
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const agent = rig.start(0, {
    wrapper: ['setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=-all,${given.join(',')}`],
  })
  await agent.inSync()
  await agent.ready()
  expect(agent.logs.filter(({ level }) => level >= 40)).toEqual([])
})

test('on a terminal its log is as the README shows it', async () => {
  await using rig = await Rig.create(vxlanConfig)
  await rig.start(1).inSync()
  const agent = rig.start(0, {
    args: ['-v=0'],
    // The terminal's output is where an agent's log is expected.
    wrapper: ['sh', '-c', 'exec script --quiet --return --command "$*" /dev/null >&2', 'sh'],
  })
  // Which of the last two comes first differs from run to run.
  const log = await until('it to be in sync', () =>
    /in sync.*\n/.test(agent.output) && /subnet\.env is written.*\n/.test(agent.output)
      ? agent.output.replaceAll('\r', '')
      : undefined,
  )
  const [, ...lines] = documentBlock('packages/selvedged/README.md', '…\n07:03:12.402 INFO  network config', {
    '/run/flannel/subnet.env': agent.subnetFile,
  }).split('\n')
  for (const line of lines) expect(asShown(`…\n${line}\n…`, log)).toBe(`…\n${line}\n…`)
})

describe('SIGTERM and SIGINT end it within 2 s, with status 0,', () => {
  test('while it waits for its network', async () => {
    await using rig = await Rig.create(undefined, { hosts: 1 })
    const agent = rig.start(0)
    await agent.logged(/etcd holds no network config/)
    agent.signal('SIGINT')
    expect(await agent.ended(2_000)).toBe(0)
  })

  test('and it releases its lease if a flag says so, unless etcd is frozen', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 2 })
    const agents = [0, 1].map((index) => rig.start(index, { args: ['--release-lease'] }))
    const [first, second] = agents
    if (first === undefined || second === undefined) throw new Error()
    await Promise.all(agents.map((agent) => agent.inSync()))
    expect((await rig.etcd.leases()).size).toBe(2)
    expect((await first.stop()).status).toBe(0)
    expect((await rig.etcd.leases()).size).toBe(1)
    rig.etcd.freeze()
    const { status, after } = await second.stop()
    expect(status).toBe(0)
    expect(after).toBeLessThan(2_000)
    expect(await second.logged('stopping was not clean')).toMatchObject({ level: 50 })
  })
})

test('killed, it leaves no process that waits for changes of traffic rules', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const agent = rig.start(0, { args: ['--ip-masq'] })
  await agent.logged(/^in sync/, IN_TIME)
  const watcher = await until('nft monitor to run', async () => {
    const pids = (await readFile(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8')).trim().split(' ')
    const lines = await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    )
    return pids.find((_, index) => lines[index] === 'nft\0monitor\0')
  })
  await agent.kill()
  await until('nft monitor to end', () => (existsSync(`/proc/${watcher}`) ? undefined : true))
}, 120_000)

describe('a password', () => {
  const password = 'correct-horse-battery'

  test('is in no log, though etcd refuses it, and in no list of processes', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    await rig.etcd.enableAuth('root', 'something-else')
    const agent = rig.start(0, { args: ['-v=10', '--etcd-username=root', `--etcd-password=${password}`] })
    expect(await agent.logged(/etcd refuses user 'root'/)).toMatchObject({ code: 'ACCESS_DENIED' })
    const shown = (await readFile(`/proc/${agent.pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    expect(shown).toMatch(/^selvedged --etcd-endpoints=http/)
    expect(shown).not.toContain('horse')
    await agent.stop()
    expect(agent.output).not.toContain('horse')
  })

  test('in the environment works, and is in no log either', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    await rig.etcd.enableAuth('root', password)
    const agent = rig.start(0, {
      args: ['-v=10', '--etcd-username=root'],
      variables: { FLANNELD_ETCD_PASSWORD: password },
    })
    await agent.inSync()
    await agent.ready()
    await agent.stop()
    expect(agent.output).not.toContain('horse')
  })
})

test('certificates are read from the files that are named, by the flags that flanneld had in the README', async () => {
  await using rig = await Rig.create(undefined, { hosts: 2 })
  const endpoint = rig.etcd.endpoint.replace('http:', 'https:')
  const secure = `--etcd-endpoints=${endpoint}`
  const commands = documentBlock('packages/selvedged/README.md', 'npm install --global', {
    'https://10.0.0.5:2379': endpoint,
    '/etc/etcd/ca.pem': '/nowhere/ca.pem',
    eth1: 'eth0',
  })
  const [before = '', after = ''] = commands.match(/(?<=^\S+\/(?:flanneld|selvedged) +)-.*$/gm) ?? []
  expect(after).toBe(before)
  const authority = rig.start(0, { args: after.split(' ') })
  const own = ['--etcd-certfile=/nowhere/cert.pem', '--etcd-keyfile=/nowhere/key.pem']
  const client = rig.start(1, { args: [secure, ...own] })
  await authority.logged('reading the TLS ca for etcd from /nowhere/ca.pem')
  await client.logged(/reading the TLS (cert|key) for etcd from \/nowhere\/(cert|key).pem/)
})

test('only what the chosen store and backend need is loaded', async () => {
  await using rig = await Rig.create({ Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } }, { hosts: 1 })
  const hook = fileURLToPath(new URL('loaded-modules.mjs', import.meta.url))
  const agent = rig.start(0, { variables: { NODE_OPTIONS: `--import=${hook}` } })
  await agent.inSync()
  const loaded = await until('the modules', () => {
    const lines = agent.output.split('\n').filter((line) => line.startsWith('loaded '))
    return lines.length > 0 ? lines.map((line) => line.slice('loaded '.length)) : undefined
  })
  const packages = new Set(loaded.map((url) => /\/bundle\/([^/]+)\.js$/.exec(url)?.[1]))
  expect(packages).toContain('store-etcd')
  expect(packages).toContain('backend-hostgw')
  for (const absent of [
    'store-kube',
    'client-node-connector',
    'store-local',
    'store-nats',
    'backend-vxlan',
    'backend-alloc',
    'backend-extension',
    'backend-tencentvpc',
    'tencentcloud',
    'lab',
    'conformance',
    'metrics',
  ]) {
    expect(packages).not.toContain(absent)
  }
  // Metrics are made if they are served, and koffi serves the kernel's socket.
  const foreign = loaded.join('\n')
  expect(foreign).toContain('/koffi/')
  expect(foreign).not.toContain('/lmdb/')
})
