import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { flannelPlugin } from './plugin.js'
import type { Environment } from './protocol/call.js'

const folder = await mkdtemp(join(tmpdir(), 'selvedge-cni-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const ENV = {
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/none',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/nowhere',
}

async function call(verb: string, config: object | string, env: Environment = {}) {
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  const output = await flannelPlugin({
    env: { ...ENV, CNI_COMMAND: verb, ...env },
    readConfig: async () => text,
    log: () => undefined,
  })
  return { status: output.status, answer: JSON.parse(output.text) }
}

const config = (more: object = {}) => ({
  cniVersion: '1.0.0',
  name: 'net',
  type: 'flannel',
  subnetFile: join(folder, 'subnet.env'),
  dataDir: join(folder, 'kept'),
  agentSocket: join(folder, 'control.sock'),
  ...more,
})

test('VERSION names every version, and asks for no config', async () => {
  const output = await flannelPlugin({
    env: { CNI_COMMAND: 'VERSION' },
    readConfig: () => Promise.reject(new Error('not asked for')),
    log: () => undefined,
  })
  expect(output.status).toBe(0)
  expect(JSON.parse(output.text)).toEqual({
    cniVersion: '1.1.0',
    supportedVersions: ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
  })
})

describe('the environment', () => {
  test.each([
    [{ CNI_COMMAND: '' }, 'CNI_COMMAND is missing'],
    [{ CNI_COMMAND: 'add' }, 'unknown CNI_COMMAND: add'],
    [{ CNI_CONTAINERID: '', CNI_NETNS: undefined }, 'ADD needs CNI_CONTAINERID, CNI_NETNS'],
    [{ CNI_CONTAINERID: '../c1' }, 'CNI_CONTAINERID holds characters'],
    [{ CNI_IFNAME: 'a-name-of-16-bytes' }, 'at most 15 bytes'],
    [{ CNI_IFNAME: '..' }, "no interface's name"],
    [{ CNI_IFNAME: 'a/b' }, "no interface's name"],
    [{ CNI_PATH: '' }, 'CNI_PATH'],
  ])('%j: code 4', async (env, message) => {
    expect(await call('ADD', config(), env)).toEqual({
      status: 1,
      answer: { cniVersion: expect.any(String), code: 4, msg: expect.stringContaining(message) },
    })
  })

  test('DEL needs no namespace: a host that rebooted has it no more', async () => {
    expect(
      await flannelPlugin({
        env: { ...ENV, CNI_COMMAND: 'DEL', CNI_NETNS: '' },
        readConfig: async () => JSON.stringify(config()),
        log: () => undefined,
      }),
    ).toEqual({ status: 0, text: '' })
  })
})

describe('the network config', () => {
  test.each([
    ['no JSON', '{', 6],
    ['no object', '[]', 6],
    ['nested without end', '['.repeat(100_000) + ']'.repeat(100_000), 6],
    ['no name', { ...config(), name: '' }, 7],
    ['a name that leads out of a folder', { ...config(), name: '../net' }, 7],
    ['a version of the future', { ...config(), cniVersion: '9.0.0' }, 1],
    ['a delegate with a name', config({ delegate: { name: 'x' } }), 7],
    ['a delegate with addresses', config({ delegate: { ipam: {} } }), 7],
    ['a delegate whose type is a number', config({ delegate: { type: 1 } }), 7],
    ['a delegate outside CNI_PATH', config({ delegate: { type: '../../bin/sh' } }), 7],
    ['a delegate that is this plugin', config({ delegate: { type: 'flannel' } }), 7],
    ['routes that are no list', config({ ipam: { routes: 'all' } }), 7],
  ])('%s', async (_, text, code) => {
    const { status, answer } = await call('ADD', text)
    expect(status).toBe(1)
    expect(answer.code).toBe(code)
    expect(await readdir(folder)).not.toContain('kept')
  })

  test('what a version lacks is refused: CHECK before 0.4.0, STATUS and GC before 1.1.0', async () => {
    for (const [verb, cniVersion] of [
      ['CHECK', '0.3.1'],
      ['STATUS', '1.0.0'],
      ['GC', '1.0.0'],
    ] as const) {
      expect((await call(verb, { ...config(), cniVersion })).answer).toMatchObject({
        code: 1,
        cniVersion,
        msg: expect.stringContaining(`has no ${verb}`),
      })
    }
  })
})

describe('subnet.env', () => {
  test('missing: the error is to be tried again, and says what the agent waits for', async () => {
    expect((await call('ADD', config())).answer).toMatchObject({
      code: 11,
      msg: expect.stringMatching(/subnet\.env is missing; no agent answers: is it running\?/),
    })
    const why = 'acquiring a lease: node h1 has no PodCIDR yet'
    const agent = createServer((_, response) =>
      response.writeHead(503).end(`flanneld is not ready yet: ${why}`),
    )
    await new Promise<void>((resolve) => agent.listen(join(folder, 'control.sock'), resolve))
    try {
      for (const [verb, code] of [
        ['ADD', 11],
        ['CHECK', 11],
        ['STATUS', 50],
      ] as const) {
        const { answer } = await call(verb, config({ cniVersion: '1.1.0', prevResult: {} }))
        expect(answer).toMatchObject({ code, msg: expect.stringContaining(`the agent is not ready: ${why}`) })
      }
      await writeFile(join(folder, 'subnet.env'), WHOLE)
      expect((await call('STATUS', config({ cniVersion: '1.1.0' }))).answer).toMatchObject({ code: 51 })
      await rm(join(folder, 'subnet.env'))
    } finally {
      agent.close()
    }
  })

  test('of which something is missing: named, in the words of flannel’s plugin', async () => {
    await writeFile(join(folder, 'subnet.env'), 'foo=bar')
    expect((await call('ADD', config())).answer).toMatchObject({
      code: 6,
      msg: expect.stringContaining(
        'is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ',
      ),
    })
    await writeFile(join(folder, 'subnet.env'), 'x'.repeat(100_000))
    expect((await call('ADD', config())).answer).toMatchObject({
      code: 5,
      msg: expect.stringContaining('longer'),
    })
    await rm(join(folder, 'subnet.env'))
  })
})

const WHOLE =
  'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n'
