import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { type Driver, OverlayError, type SubnetManager } from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runAgent } from './agent.js'
import { backends } from './backends.js'
import { readCommandLine } from './command-line/command-line.js'
import { createLogger } from './logging/logger.js'
import { Sanitizer } from './logging/sanitizer.js'
import type { AgentServices } from './services.js'
import { ServiceManager } from './systemd/service-manager.js'

/** On a machine that is busy, too. */
const WITHIN = { timeout: 10_000 }
const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

let folder: string
let agents: Agent[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-agent-'))
  agents = []
})
afterEach(async () => {
  for (const agent of agents) await agent.stop()
  await rm(folder, { recursive: true })
})

interface AgentOptions {
  readonly args?: string[]
  readonly store: MemoryStore
  readonly kernel: FakeKernel
  readonly clock: FakeClock
  readonly services?: Partial<AgentServices>
}

/** An agent on a fake kernel and a store in memory, with all that it logs. */
class Agent {
  readonly logs: Record<string, unknown>[] = []
  readonly lines: string[] = []
  readonly notified: string[] = []
  readonly ended: Promise<void>
  readonly subnetFile = join(folder, 'subnet.env')
  readonly #abort = new AbortController()

  constructor({ args = [], store, kernel, clock, services }: AgentOptions) {
    agents.push(this)
    const command = readCommandLine(
      [
        `--subnet-file=${this.subnetFile}`,
        '--lease-cache=',
        '--control-socket=',
        '--iptables-forward-rules=false',
        '-v=1',
        ...args,
      ],
      {},
    )
    if (command.type !== 'run') throw new Error('not a run')
    const sanitizer = new Sanitizer()
    const destination = {
      write: (line: string) => {
        this.lines.push(line)
        this.logs.push(JSON.parse(line))
      },
    }
    this.ended = runAgent(
      command.settings,
      {
        openStore: async () => ({ subnets: new MemorySubnetManager(store), identity: 'memory' }),
        openDrivers: async () => [kernel.driver()],
        backends,
        log: createLogger({ verbosity: 1, destination, forTerminal: false, sanitizer }),
        sanitizer,
        serviceManager: new ServiceManager({
          variables: { NOTIFY_SOCKET: '@test' },
          onError: () => {},
          send: (_, text) => this.notified.push(text),
        }),
        version: '0.0.0',
        clock,
        random: () => 0.5,
        ...services,
      },
      this.#abort.signal,
    )
    this.ended.catch(() => {})
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.ended.catch(() => {})
  }

  logged(message: string | RegExp): Record<string, unknown>[] {
    return this.logs.filter(({ msg }) => typeof msg === 'string' && msg.match(message) !== null)
  }

  async logging(message: string | RegExp): Promise<Record<string, unknown>> {
    return vi.waitFor(() => {
      const [found] = this.logged(message)
      if (found === undefined) throw new Error(`no log of ${message} in:\n${this.lines.join('')}`)
      return found
    }, WITHIN)
  }

  /** Ready, and the kernel holds what it should. */
  async running(): Promise<void> {
    await this.logging('subnet.env is written')
    await this.logging(/^in sync/)
  }

  env(): Promise<string> {
    return readFile(this.subnetFile, 'utf8')
  }
}

function host(config: object | undefined = CONFIG) {
  const clock = new FakeClock()
  const store = new MemoryStore({ config, clock })
  const kernel = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
  return { clock, store, kernel }
}

const peer = (n: number) => ({
  subnet: `10.244.${n}.0/24`,
  attributes: {
    publicIp: `192.0.2.${n}`,
    backendType: 'vxlan',
    backendData: { VNI: 1, VtepMAC: `02:00:00:00:00:0${n}` },
  },
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('an agent', () => {
  test('joins, writes subnet.env, notifies systemd, and keeps the kernel in sync', async () => {
    const { clock, store, kernel } = host()
    store.reserve(peer(2))
    const agent = new Agent({ store, kernel, clock })
    await agent.running()
    const subnet = store.leases.find(({ attributes }) => attributes.publicIp === '192.0.2.1')?.subnet ?? ''
    expect(await agent.env()).toBe(
      `FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=${subnet.replace('.0/', '.1/')}\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n`,
    )
    expect(kernel.toText()).toContain('10.244.2.0/24')
    expect(agent.notified).toContain('READY=1')
    expect(agent.notified).toContain(`STATUS=${subnet}, 2 leases, in sync`)
    await agent.stop()
    expect(agent.notified.at(-1)).toBe('STOPPING=1')
    expect(kernel.toText()).toContain('10.244.2.0/24')
  })

  test('masquerades and accepts what is forwarded while flags say so, and removes its rules once they do not', async () => {
    const { clock, store, kernel } = host()
    const services = { openDrivers: async () => [kernel.driver(), kernel.firewall()] }
    const flags = ['--ip-masq', '--iptables-forward-rules']
    const agent = new Agent({ store, kernel, clock, services, args: flags })
    await agent.running()
    expect(await agent.env()).toContain('FLANNEL_IPMASQ=true\n')
    const saved = kernel.iptablesSave()
    expect(saved).toMatch(
      /^-A FLANNEL-POSTRTG -s 10\.244\.0\.0\/16 ! -d 224\.0\.0\.0\/4 .*-j MASQUERADE --random-fully$/m,
    )
    expect(saved).toMatch(/^-A FLANNEL-FWD -d 10\.244\.0\.0\/16 .*-j ACCEPT$/m)
    kernel.run('iptables -t nat -F FLANNEL-POSTRTG')
    await vi.waitFor(() => expect(kernel.iptablesSave()).toBe(saved))
    await writeFile(agent.subnetFile, 'FLANNEL_IPMASQ=false\n')
    await clock.advance(10_000)
    await vi.waitFor(async () => expect(await agent.env()).toContain('FLANNEL_IPMASQ=true\n'))
    await agent.stop()

    kernel.requests.length = 0
    const again = new Agent({ store, kernel, clock, services, args: flags })
    await again.running()
    expect(kernel.writes).toEqual([])
    await again.stop()
    store.setNetworkConfig({ ...CONFIG, EnableNFTables: true })
    const fixed = [...flags, '--ip-masq-fully-random-disable']
    const other = new Agent({ store, kernel, clock, services, args: fixed })
    await other.running()
    expect(kernel.iptablesSave()).not.toContain('FLANNEL')
    expect(kernel.nftListRuleset()).toMatch(/table ip flannel-ipv4 .* masquerade\n/s)
    await other.stop()
    await new Agent({ store, kernel, clock, services }).running()
    expect(kernel.nftListRuleset()).toBe('')
  })

  test('drops packets to addresses of its subnet that no pod has, while a flag says so', async () => {
    const { clock, store, kernel } = host()
    const agent = new Agent({ store, kernel, clock, args: ['--ip-blackhole-route'] })
    await agent.running()
    expect(kernel.toText()).toContain(`blackhole ${store.leases[0]?.subnet} proto 157`)
    await agent.stop()
    await new Agent({ store, kernel, clock }).running()
    expect(kernel.toText()).not.toContain('blackhole')
  })

  test('takes back the subnet that it held according to subnet.env, whoever wrote that', async () => {
    const { clock, store, kernel } = host()
    await writeFile(join(folder, 'subnet.env'), 'FLANNEL_SUBNET=10.244.77.1/24\nFLANNEL_IPMASQ=true\n')
    const agent = new Agent({ store, kernel, clock })
    await agent.logging('subnet.env is written')
    expect(await agent.env()).toContain('FLANNEL_SUBNET=10.244.77.1/24\n')
  })

  test('writes subnet.env again when its lease changes', async () => {
    const { clock, store, kernel } = host()
    const agent = new Agent({ store, kernel, clock })
    await agent.running()
    const before = await agent.env()
    const [lease] = store.leases
    if (lease === undefined) throw new Error('no lease')
    store.release(lease)
    store.reserve({ ...lease, attributes: peer(9).attributes })
    await clock.advance(5_000)
    await vi.waitFor(async () => expect(await agent.env()).not.toBe(before))
    expect(agent.logged('lease lost: acquiring one again')).toHaveLength(1)
  })

  test('waits for a network config, and reports that', async () => {
    const { clock, kernel } = host()
    const store = new MemoryStore({ clock })
    const agent = new Agent({ store, kernel, clock })
    await vi.waitFor(() =>
      expect(agent.notified).toContain('STATUS=waiting for the network config from memory'),
    )
    store.setNetworkConfig(CONFIG)
    await agent.logging('subnet.env is written')
  })

  test('retries while the store is unavailable, less and less often', async () => {
    const { clock, store, kernel } = host()
    let isAvailable = false
    class Wire extends MemorySubnetManager {
      override getNetworkConfig: SubnetManager['getNetworkConfig'] = (options) =>
        !isAvailable
          ? Promise.reject(new OverlayError('STORE_UNAVAILABLE', 'no answer'))
          : super.getNetworkConfig(options)
    }
    const agent = new Agent({
      store,
      kernel,
      clock,
      services: { openStore: async () => ({ subnets: new Wire(store), identity: 'memory' }) },
    })
    await agent.logging('no answer')
    await clock.advance(3_600_000)
    const tries = agent.logged('no answer').length
    expect(tries).toBeGreaterThan(100)
    expect(tries).toBeLessThan(250)
    expect(agent.notified).toContain('STATUS=no answer')
    isAvailable = true
    await clock.advance(30_000)
    await agent.logging('subnet.env is written')
  })

  test.each([
    [
      'one of another make',
      { Backend: { Type: 'geneve' } },
      "the network config's Backend.Type is 'geneve', but this overlay is composed with 'vxlan', 'host-gw', 'ipip', 'udp', 'wireguard', 'ipsec', 'tencent-vpc', 'alloc'",
    ],
    [
      'one that has never been',
      { Backend: { Type: 'vxlna' } },
      "the network config's Backend.Type is 'vxlna', but this overlay is composed with",
    ],
  ])(
    'names the backends it has if the config names %s, and accepts a corrected one',
    async (_, rest, text) => {
      const { clock, store, kernel } = host({ Network: '10.244.0.0/16', ...rest })
      const agent = new Agent({ store, kernel, clock })
      expect(await agent.logging(text)).toMatchObject({ code: 'INVALID_CONFIG' })
      store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'VXLAN' } })
      await clock.advance(60_000)
      await agent.logging('subnet.env is written')
    },
  )

  test.each([
    ['UNSUPPORTED', undefined],
    ['ACCESS_DENIED', 'EPERM'],
  ] as const)('ends if the kernel refuses for good: %s', async (code, errno) => {
    const { clock, store, kernel } = host()
    const driver: Driver = kernel.driver()
    driver.preflight = async () => {
      throw new OverlayError(code, 'no such thing here', errno === undefined ? {} : { errno })
    }
    const agent = new Agent({ store, kernel, clock, services: { openDrivers: async () => [driver] } })
    await expect(agent.ended).rejects.toThrow('no such thing here')
  })

  test('releases its lease only if a flag says so', async () => {
    const { clock, store, kernel } = host()
    const staying = new Agent({ store, kernel, clock })
    await staying.running()
    await staying.stop()
    expect(store.leases).toHaveLength(1)
    const leaving = new Agent({ store, kernel, clock, args: ['--release-lease'] })
    await leaving.running()
    await leaving.stop()
    expect(store.leases).toHaveLength(0)
  })

  test('writes no key of the config into its log', async () => {
    const { clock, store, kernel } = host({
      Network: '10.244.0.0/16',
      Backend: { Type: 'vxlan', PSK: 'hush-hush', Port: 'hush-hush' },
    })
    const agent = new Agent({ store, kernel, clock })
    await agent.logging(/Port/)
    expect(agent.lines.join('')).not.toContain('hush-hush')
  })

  test('serves health and metrics', async () => {
    const { clock, store, kernel } = host()
    store.reserve(peer(2))
    const port = await freePort()
    const agent = new Agent({
      store,
      kernel,
      clock,
      args: [`--healthz-port=${port}`, '--healthz-ip=127.0.0.1'],
    })
    await agent.running()
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    expect(await get('/readyz')).toBe('flanneld is ready')
    const metrics = await get('/metrics')
    expect(metrics).toMatch(/^selvedge_ready 1$/m)
    expect(metrics).toMatch(/^selvedge_leases 2$/m)
    expect(metrics).toMatch(/^selvedge_peers 1$/m)
    expect(metrics).toMatch(/^selvedge_store_up 1$/m)
    expect(metrics).toMatch(/^selvedge_resources\{state="desired"\} 5$/m)
    expect(metrics).toMatch(/^selvedge_lease_events_total\{type="acquired"\} 1$/m)
    expect(metrics).toMatch(/^selvedge_reconcile_duration_seconds_count [1-9]/m)
    const expiry = Number(/^selvedge_lease_expiry_timestamp_seconds (\S+)$/m.exec(metrics)?.[1])
    expect(expiry).toBe(clock.now() / 1000 + 86_400)
    await agent.stop()
    await expect(get('/healthz')).rejects.toThrow()
  })
})
