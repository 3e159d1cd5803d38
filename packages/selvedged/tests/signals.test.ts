import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { until } from '@selvedge/lab'
import { describe, expect, test } from 'vitest'
import { Rig, vxlanConfig } from './rig.js'
import { filesOf } from './selvedged.js'

/** The inspector of Node.js listens here (inspector.open). */
const INSPECTOR_PORT = 9229

describe('a signal that means nothing to it harms nothing:', () => {
  test.each(['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGPIPE'] as const)('%s', async (name) => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const agent = rig.start(0)
    await agent.inSync()
    for (let i = 0; i < 3; i += 1) agent.signal(name)
    await agent.host.ip('link', 'set', 'flannel.1', 'down')
    await agent.logged(/^another program changed the overlay's entries/)
    expect(await agent.host.exec('ss', ['-ltn'])).not.toContain(`:${INSPECTOR_PORT}`)
    expect(agent.output).not.toContain('Debugger')
    expect((await agent.stop()).status).toBe(0)
  })

  test('SIGUSR1 in its first moments, when Node.js opens an inspector by itself', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    for (let delayMs = 10; delayMs <= 120; delayMs += 10) {
      const agent = rig.start(0)
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      agent.signal('SIGUSR1')
      // Before Node.js has a handler of its own the signal ends it, as it does any program.
      await Promise.race([agent.inSync(), agent.ended()])
      expect(await agent.host.exec('ss', ['-ltn']), `${delayMs} ms`).not.toContain(`:${INSPECTOR_PORT}`)
      if (!agent.hasEnded) await agent.stop()
    }
  })

  test('SIGHUP under nohup, which Node.js does not heed by itself', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const agent = rig.start(0, { wrapper: ['nohup'] })
    await agent.inSync()
    agent.signal('SIGHUP')
    expect((await agent.stop()).status).toBe(0)
  })
})

test('SIGTERM as process 1 of a container, from its first line of code on', async () => {
  await using rig = await Rig.create(undefined, { hosts: 1 })
  const agent = rig.start(0, { wrapper: ['unshare', '--fork', '--pid', '--kill-child'] })
  const pid = await until(
    'the handler',
    async () => {
      const child = (await readFile(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8')).trim()
      if (child === '') return undefined
      const [, caught = '0'] =
        /^SigCgt:\s*(\w+)$/m.exec(await readFile(`/proc/${child}/status`, 'utf8')) ?? []
      // Node.js itself catches SIGTERM, only to let it end the process. SIGHUP, number 1, is caught by our code alone.
      return BigInt(`0x${caught}`) & 1n ? Number(child) : undefined
    },
    { intervalMs: 1 },
  )
  process.kill(pid, 'SIGTERM')
  expect(await agent.ended(5_000)).toBe(0)
})

describe('a log that cannot be written is no reason to end, nor to stop late:', () => {
  test.each([
    ['a full disk', 'exec "$@" 2>/dev/full'],
    ['a reader that is gone', 'exec "$@" 2> >(true)'],
    ['a closed descriptor', 'exec "$@" 2>&-'],
  ])('%s', async (_, script) => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const agent = rig.start(0, { wrapper: ['bash', '-c', script, 'bash'] })
    await until('subnet.env', () => agent.subnetEnv().catch(() => undefined))
    await until('the lease cache', () => stat(filesOf(rig.lab, agent.host).leaseCache).catch(() => undefined))
    expect(agent.hasEnded).toBe(false)
    const { status, after } = await agent.stop()
    expect(status).toBe(0)
    expect(after).toBeLessThan(2_000)
  })
})

test.each(['000', '077'])(
  'with a umask of %s, its folders are its own to write, and subnet.env is for all to read',
  async (mask) => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const { subnetFile, leaseCache } = filesOf(rig.lab, rig.lab.host(0))
    const agent = rig.start(0, { wrapper: ['sh', '-c', `umask ${mask}; exec "$@"`, 'sh'] })
    await agent.inSync()
    await until('the lease cache', () => stat(leaseCache).catch(() => undefined))
    const mode = async (path: string) => (await stat(path)).mode & 0o777
    for (const file of [subnetFile, leaseCache]) expect((await mode(dirname(file))) & 0o022).toBe(0)
    expect(await mode(subnetFile)).toBe(0o644)
    expect(await mode(leaseCache)).toBe(0o600)
  },
)

test('what a killed process left of its files is gone once they are written', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const { subnetFile, leaseCache } = filesOf(rig.lab, rig.lab.host(0))
  const first = rig.start(0)
  await until('the lease cache', () => stat(leaseCache).catch(() => undefined))
  await first.kill()
  for (const file of [subnetFile, leaseCache]) await writeFile(`${file}.tmp`, 'half')
  await rm(leaseCache)
  const second = rig.start(0)
  await second.inSync()
  await until('the lease cache', () => stat(leaseCache).catch(() => undefined))
  expect(await readdir(dirname(leaseCache))).toEqual(['leases'])
  expect(await readdir(dirname(subnetFile))).not.toContain('subnet.env.tmp')
})

test('two agents with one lease cache are reported', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 2 })
  const { leaseCache } = filesOf(rig.lab, rig.lab.host(0))
  const first = rig.start(0)
  const { subnet = '' } = await first.ready()
  await until('the lease cache', () => stat(leaseCache).catch(() => undefined))
  const second = rig.start(1, { args: [`--lease-cache=${leaseCache}`] })
  // What is kept of the one is nothing to the other.
  expect((await second.ready()).subnet).not.toBe(subnet)
  await until('the second to have saved its own', async () =>
    (await readFile(leaseCache, 'utf8')).includes('"ipv4":"192.168.77.2"') ? true : undefined,
  )
  // The first writes its record back, and a change of the own lease is saved at once.
  const key = subnet.replace('/', '-')
  await rig.etcd.put(key, (await rig.etcd.leases()).get(key) ?? '')
  const line = await first.logged(/^another process writes the lease cache/)
  expect(line).toMatchObject({ level: 40, msg: expect.stringContaining(leaseCache) })
})
