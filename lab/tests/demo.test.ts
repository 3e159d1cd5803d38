import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { DemoResult } from '../src/demo/result.js'
import { asShown, documentBlock, listNamespaces, Namespace, run, until } from '../src/index.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Where none is found, whatever has been built. */
const WITHOUT_KUBERNETES = { XDG_CACHE_HOME: '/nonexistent' }
const PROGRAM = fileURLToPath(new URL('../dist/demo.js', import.meta.url))

test('the command of the README prints what the README shows', async () => {
  const [command = ''] = documentBlock('README.md', 'npm run demo').split('\n')
  const output = await run('sh', ['-euc', `cd '${ROOT}'\n${command}`], { timeoutMs: 50_000 })
  const block = documentBlock('README.md', '3 hosts on one switch')
  expect(asShown(block, output.slice(output.indexOf('3 hosts')))).toBe(block)
})

test.each([['vxlan'], ['host-gw', '--nftables']])(
  'over %s nothing is lost, all is healed, and nothing is left',
  async (backend, ...more) => {
    const demo = start('--json', '--hosts', '4', '--backend', backend, ...more)
    const [status] = await once(demo.process, 'close')
    expect(demo.errors()).toBe('')
    expect(status).toBe(0)

    const result: DemoResult & { lost: number } = JSON.parse(demo.output())
    expect(result).toMatchObject({ backend, kernel: 'linux', lost: 0 })
    expect(new Set(result.hosts.map(({ lease }) => lease.subnet)).size).toBe(4)
    for (const host of result.hosts) {
      expect(Object.keys(host).sort()).toEqual(['joinedAfter', 'lease', 'mtu', 'name'])
    }
    expect(result.views.map(({ host }) => host)).toEqual(['h1', 'h2', 'h3', 'h4'])
    expect(result.reachability.map(({ entries }) => entries.length)).toEqual([28, 4, 28])
    expect(result.repairs).toHaveLength(backend === 'vxlan' ? 4 : 2)
    expect(result.arrivals).toMatchObject([
      { from: 'h1p1', to: 'h2p1', owner: 'h1p1' },
      { from: 'h1p1', to: 'outside', source: '192.168.77.1', owner: 'h1' },
    ])
    expect(JSON.stringify(result.views)).toContain('FLANNEL_IPMASQ=true')
    expect(await leftOf(demo)).toEqual([])
  },
)

test('over ipsec nothing is lost, a charon that is killed is replaced, and nothing is left', async () => {
  const demo = start('--json', '--hosts', '2', '--backend', 'ipsec')
  const [status] = await once(demo.process, 'close')
  expect(demo.errors()).toBe('')
  expect(status).toBe(0)
  const result: DemoResult & { lost: number } = JSON.parse(demo.output())
  expect(result).toMatchObject({ backend: 'ipsec', kernel: 'linux', lost: 0 })
  expect(result.reachability.map(({ entries }) => entries.length)).toEqual([2, 2, 2])
  expect(result.repairs.map(({ command }) => command)).toEqual([
    expect.stringContaining('kill -KILL'),
    expect.stringContaining('FLANNEL-POSTRTG'),
  ])
  expect(await leftOf(demo)).toEqual([])
})

test.each([
  ['Kubernetes, if it is built', {}, [], /PodCIDR|network config/],
  ['etcd', WITHOUT_KUBERNETES, ['--backend', 'host-gw', '--nftables'], /etcd holds no network config/],
])(
  '--cni with %s: pods by the plugin, a hostPort, another network, nothing lost',
  async (_, variables, args, refusal) => {
    const demo = startWith(variables, '--cni', '--json', '--hosts', '2', ...args)
    const [status] = await once(demo.process, 'close')
    expect(demo.errors()).toBe('')
    expect(status).toBe(0)
    const result: DemoResult & { lost: number } = JSON.parse(demo.output())
    expect(result).toMatchObject({ lost: 0 })
    // Four pods and two hosts to pods, and the pods to the outside.
    expect(result.reachability.map(({ entries }) => entries.length)).toEqual([24])
    const shown = result.views.flatMap(({ outputs }) => outputs)
    const outputOf = (command: string) =>
      shown.filter((one) => one.command.startsWith(command)).map(({ output }) => output)
    expect(outputOf('flannel')).toEqual([expect.stringMatching(refusal), expect.stringContaining('"ips"')])
    expect(outputOf('curl')).toEqual([
      expect.stringMatching(/^HTTP\/1\.1 200/),
      expect.stringMatching(/^HTTP\/1\.1 200/),
    ])
    expect(outputOf('cat')).toEqual([expect.stringContaining('FLANNEL_IPMASQ=true'), expect.anything()])
    expect(outputOf('ip -brief address').join()).toMatch(/net1.*192\.168\.100\.2/)
    expect(await leftOf(demo)).toEqual([])
  },
)

test.each(['vxlan', 'cni'])('Ctrl-C in the midst of it leaves nothing: %s', async (kind) => {
  const demo = start('--hosts', '3', ...(kind === 'cni' ? ['--cni'] : []))
  await until('the demo to have made its hosts', () =>
    demo.output().includes('namespaces') ? true : undefined,
  )
  demo.process.kill('SIGINT')
  const [status] = await once(demo.process, 'close')
  expect(status).toBe(130)
  expect(await leftOf(demo)).toEqual([])
})

test('--keep keeps it up, heals and reports it, until Ctrl-C', async () => {
  const demo = start('--hosts', '2', '--keep')
  await until('the demo to be kept', () => (demo.output().includes('Ctrl-C removes it') ? true : undefined), {
    timeoutMs: 30_000,
  })
  expect(await leftOf(demo)).toHaveLength(6)
  await new Namespace(`slv-${demo.process.pid}-1-h1`).ip('link', 'delete', 'flannel.1')
  await until('the repair to be reported', () =>
    demo.output().includes('h1: missing, repaired: link') ? true : undefined,
  )
  demo.process.kill('SIGINT')
  const [status] = await once(demo.process, 'close')
  expect(status).toBe(0)
  expect(demo.output()).toContain('Nothing was lost.')
  expect(await leftOf(demo)).toEqual([])
})

test('--cni --keep keeps the pods up, until Ctrl-C', async () => {
  const demo = startWith(WITHOUT_KUBERNETES, '--cni', '--hosts', '2', '--keep')
  await until('the demo to be kept', () => (demo.output().includes('h2p2: ip netns') ? true : undefined), {
    timeoutMs: 40_000,
  })
  const pod = / h1p1: ip netns exec (\S+)/.exec(demo.output())?.[1] ?? ''
  expect(await new Namespace(pod).ip('-brief', 'address', 'show', 'eth0')).toContain('/24')
  demo.process.kill('SIGINT')
  const [status] = await once(demo.process, 'close')
  expect(status).toBe(0)
  expect(await leftOf(demo)).toEqual([])
})

test('a command line that is none is refused by name, with the usage', async () => {
  const demo = start('--backend', 'carrier-pigeon')
  const [status] = await once(demo.process, 'close')
  expect(status).toBe(2)
  expect(demo.errors()).toMatch(/--backend is 'carrier-pigeon'.*Usage:/s)
})

interface Demo {
  process: ChildProcess
  output: () => string
  errors: () => string
}

const start = (...args: string[]): Demo => startWith({}, ...args)

function startWith(variables: Record<string, string>, ...args: string[]): Demo {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...variables },
  })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk
  })
  return { process: child, output: () => output, errors: () => errors }
}

/** Namespaces and folders of a demo that are there now. */
async function leftOf({ process: { pid } }: Demo): Promise<string[]> {
  const names = [...(await listNamespaces()), ...(await readdir(tmpdir()))]
  return names.filter((name) => name.startsWith(`slv-${pid}-`))
}
