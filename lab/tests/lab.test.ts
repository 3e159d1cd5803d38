import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Lab, listNamespaces, PingStream, ping, pingMatrix, sweep, timeHealing } from '../src/index.js'

/** Namespaces and folders of the lab of this name, or of all that this process made. */
async function traces(lab = `slv-${process.pid}`): Promise<string[]> {
  const names = [...(await listNamespaces()), ...(await readdir(tmpdir()))]
  return names.filter((name) => name === lab || name.startsWith(`${lab}-`))
}

function isRunning(pid: number): boolean {
  // A process that was killed may wait to be reaped: it has no command line any more.
  return existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`).length > 0
}

/** Two hosts with a pod each, and the routes that an overlay would make. */
async function pair(): Promise<Lab> {
  const lab = await Lab.create({ hosts: 2, ipv6: true })
  for (const [i, host] of lab.hosts.entries()) {
    await host.addPod({ subnets: [`10.244.${i}.0/24`, `fd00:${i}::/64`], mtu: 1500 })
  }
  for (const [i, host] of lab.hosts.entries()) {
    const [ipv4 = '', ipv6 = ''] = lab.host(1 - i).addresses
    await host.ipBatch([
      `route add 10.244.${1 - i}.0/24 via ${ipv4}`,
      `route add fd00:${1 - i}::/64 via ${ipv6}`,
    ])
  }
  return lab
}

test('pods on two hosts reach each other over both families, and nothing is left afterwards', async () => {
  {
    await using lab = await pair()
    expect(await traces()).toHaveLength(6)
    const pods = lab.hosts.flatMap((host) => host.pods)
    const matrix = await pingMatrix([...pods, ...lab.hosts], pods)
    expect(matrix).toHaveLength(12)
    expect(matrix.filter(({ lost }) => lost > 0)).toEqual([])
  }
  expect(await traces()).toEqual([])
})

test('nothing is left when the body throws while processes run', async () => {
  const body = async () => {
    await using lab = await Lab.create({ hosts: 2 })
    lab.host(0).spawn('sleep', ['60'])
    await PingStream.start(lab.host(0), '192.168.77.2')
    throw new Error('the body throws')
  }
  await expect(body).rejects.toThrow('the body throws')
  expect(await traces()).toEqual([])
})

test('the next lab sweeps what a killed process left, its processes too', async () => {
  const owner = spawn(process.execPath, [fileURLToPath(new URL('abandon.mjs', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(owner.stdout.setEncoding('utf8'), 'data')
  const { name, sleeper } = JSON.parse(line)
  expect((await traces(name)).sort()).toEqual([name, `${name}-h1`, `${name}-switch`])
  expect(await sweep()).not.toContain(name)

  const ended = once(owner, 'exit')
  owner.kill('SIGKILL')
  await ended
  expect(isRunning(sleeper)).toBe(true)
  expect(await sweep()).toContain(name)
  expect(await traces(name)).toEqual([])
  expect(isRunning(sleeper)).toBe(false)
})

test('a stream counts what is lost while a host is cut off, and no more', async () => {
  await using lab = await Lab.create({ hosts: 2 })
  const stream = await PingStream.start(lab.host(0), '192.168.77.2', 20)
  await lab.host(1).partition()
  expect(await ping(lab.host(0), '192.168.77.2')).toEqual({ sent: 5, lost: 5 })
  await lab.host(1).heal()
  const { sent, lost, longestGapMs: longestGap } = await stream.stop()
  expect(lost).toBeGreaterThan(0)
  expect(lost).toBeLessThan(sent)
  expect(longestGap).toBeGreaterThan(lost * 20)

  const undisturbed = await PingStream.start(lab.host(0), '192.168.77.2', 20)
  expect(await undisturbed.stop()).toMatchObject({ lost: 0 })
})

test('an address without a route counts as lost', async () => {
  await using lab = await Lab.create({ hosts: 1 })
  await lab.host(0).ip('route', 'delete', 'default')
  expect(await ping(lab.host(0), '10.244.9.9')).toEqual({ sent: 5, lost: 5 })
})

test('healing is timed by the kernel, from the damage to the last return', async () => {
  await using lab = await Lab.create({ hosts: 1 })
  const host = lab.host(0)
  const routes = ['10.1.0.0/24 dev eth0', '10.2.0.0/24 dev eth0']
  await host.ipBatch(routes.map((route) => `route add ${route}`))
  const inflict = async () => {
    await host.ipBatch(routes.map((route) => `route delete ${route}`))
    for (const route of routes) {
      await sleep(30)
      await host.ip('route', 'add', ...route.split(' '))
    }
  }
  const { durationMs: duration, events } = await timeHealing(host, {
    inflict,
    done: /^Deleted 10\.1\.0\.0\/24/,
    back: [/^10\.1\.0\.0\/24/, /^10\.2\.0\.0\/24/],
  })
  expect(events.map(({ text }) => text.trim())).toEqual([
    'Deleted 10.1.0.0/24 dev eth0 scope link',
    '10.1.0.0/24 dev eth0 scope link',
    '10.2.0.0/24 dev eth0 scope link',
  ])
  expect(duration).toBeGreaterThan(60)
  expect(duration).toBeLessThan(1000)
})

test('aborted while it is being made, a lab leaves nothing', async () => {
  const reason = new Error('Ctrl-C')
  for (const delay of [1, 5, 10, 20]) {
    const abort = new AbortController()
    setTimeout(() => abort.abort(reason), delay)
    await expect(Lab.create({ hosts: 20, signal: abort.signal })).rejects.toBe(reason)
  }
  expect(await traces()).toEqual([])
})
