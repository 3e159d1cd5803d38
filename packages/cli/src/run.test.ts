import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@selvedge/core/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CliIo } from './io.js'
import { runCli } from './run.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-cli-'))
  await writeFile(join(folder, 'config.json'), '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}')
  expect((await run(['config', 'set', join(folder, 'config.json')])).status).toBe(0)
  for (let number = 1; number <= 60; number += 1) {
    const args = ['leases', 'reserve', `10.244.${number}.0/24`, '--for', `192.0.2.${number}`]
    expect((await run(args)).status).toBe(0)
  }
})
afterAll(() => rm(folder, { recursive: true }))

async function run(args: readonly string[], io: Partial<CliIo> = {}) {
  let [stdout, stderr] = ['', '']
  const status = await runCli([...args, '--local-store', join(folder, 'store.mdb')], {
    stdout: (text) => {
      stdout += text
    },
    stderr: (text) => {
      stderr += text
    },
    isTerminal: false,
    variables: {},
    hostname: 'host',
    addresses: () => [],
    readStdin: async () => '',
    version: '1.2.3',
    clock: systemClock,
    signal: new AbortController().signal,
    ...io,
  })
  return { status, stdout, stderr }
}

const ESCAPE = '\u001b['

test('a pipe gets all of a list, a terminal a page of it in colours, in the order of addresses', async () => {
  const piped = await run(['leases', 'list'])
  expect(piped.stdout).not.toContain(ESCAPE)
  expect(piped.stdout.match(/^10\.244\.\d+/gm)).toHaveLength(60)
  expect(piped.stdout.indexOf('10.244.9.0')).toBeLessThan(piped.stdout.indexOf('10.244.10.0'))
  const shown = await run(['leases', 'list'], { isTerminal: true, columns: 60 })
  expect(shown.stdout).toContain(ESCAPE)
  expect(shown.stdout.match(/^10\.244\.\d+/gm)).toHaveLength(50)
  expect(
    (await run(['leases', 'list', '--all'], { isTerminal: true })).stdout.match(/^10\.244\./gm),
  ).toHaveLength(60)
})

test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('%j turns colours off', async (variables) => {
  expect((await run(['leases', 'list'], { isTerminal: true, variables })).stdout).not.toContain(ESCAPE)
})

test('every help fits a page of 100 columns, and ends with 0', async () => {
  const commands = [
    '',
    'inspect',
    'trace',
    'bugreport',
    'leases',
    'leases list',
    'leases show',
    'leases release',
    'leases reserve',
    'leases copy',
  ]
  commands.push('config', 'config show', 'config check', 'config diff', 'config set', 'completion')
  for (const command of commands) {
    const args = [...command.split(' ').filter((word) => word !== ''), '--help']
    const { status, stdout } = await run(args, { columns: 240, isTerminal: true })
    expect(status).toBe(0)
    expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([])
  }
})

test('flags are taken as selvedged takes them: one dash, a boolean alone, and from the environment', async () => {
  const variables = { FLANNELD_LOCAL_STORE: '/nonexistent/store' }
  expect((await run(['leases', 'list', '-limit', '1'], { variables })).stdout).toContain('59 more')
  const kube = await run(['leases', 'show', '-kube-subnet-mgr', '10.244.1.0/24'])
  expect(kube).toMatchObject({ status: 64, stderr: expect.stringContaining('name two stores') })
})

test('every command takes all flags of an agent, as a host has them in a variable', async () => {
  const options =
    '-iface=eth0 --iface eth1 --ip-masq --healthz-port=10256 -v=4 --probe-peers --public-ip=192.0.2.7'.split(
      ' ',
    )
  const commands = [
    'leases list',
    'leases show 10.244.1.0/24',
    `config check ${join(folder, 'config.json')}`,
    'config show',
  ]
  for (const command of commands) {
    const { status, stderr } = await run([...command.split(' '), ...options, '-v', '2'])
    expect({ command, status, stderr }).toEqual({ command, status: 0, stderr: '' })
  }
  const socket = `--control-socket=${join(folder, 'none')}`
  expect(await run(['status', socket, ...options])).toMatchObject({ status: 4, stderr: '' })
  expect((await run(['leases', 'list', '--help'])).stdout).not.toContain('--iface')
  expect(await run(['leases', 'list', '--ifce=eth0'])).toMatchObject({
    status: 64,
    stderr: expect.stringContaining("unknown option '--ifce=eth0'"),
  })
})

test('interrupted, it ends with 130', async () => {
  expect((await run(['leases', 'list'], { signal: AbortSignal.abort() })).status).toBe(130)
})
