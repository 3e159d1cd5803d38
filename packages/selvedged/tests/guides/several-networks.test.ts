/** The blocks of docs/guides/several-networks.md and docs/guides/multus.md, on two hosts that are in two networks. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  type Child,
  type Container,
  type NetworkList,
  ping,
  pingUntilReached,
  type Result,
  Runtime,
  until,
} from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addressSeen } from '../address-seen.js'
import { Rig } from '../rig.js'
import { GuideHost } from './guide-host.js'

const EXAMPLES = new URL('../../../../examples/', import.meta.url)
const example = (file: string) => readFile(new URL(file, EXAMPLES), 'utf8')
const NETWORKS = fileURLToPath(new URL('dist/networks.js', EXAMPLES))
const ALL = { sent: 5, lost: 0 }

let rig: Rig
let hosts: readonly GuideHost[]
/** Of the first host: one agent for each network; of the second, one process for both. */
let programs: readonly Program[]

interface Program {
  readonly child: Child
  said: string
}

function listenTo(child: Child): Program {
  const program = { child, said: '' }
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      program.said += text
    })
  return program
}

const toSay = (program: Program, pattern: RegExp, times = 1) =>
  until(
    `a program to say ${pattern}`,
    () => {
      if (program.child.exitCode !== null) throw new Error(`it has ended:\n${program.said}`)
      return (program.said.match(new RegExp(pattern, 'g'))?.length ?? 0) >= times || undefined
    },
    { timeoutMs: 20_000 },
  )

beforeAll(async () => {
  rig = await Rig.create(undefined)
  const { lab, etcd } = rig
  const variables = ['ETCDCTL_API=3', `ETCDCTL_ENDPOINTS=${etcd.endpoint}`]
  const [first, second] = await Promise.all(lab.hosts.map((host) => GuideHost.prepare(lab, host, variables)))
  if (first === undefined || second === undefined) throw new Error('two hosts')
  hosts = [first, second]
  await first.run('several-networks/networks.sh')
  const byUnit = (file: string) => first.start('selvedged $FLANNELD_OPTIONS', `several-networks/${file}`)
  const children = [
    byUnit('selvedged.default'),
    byUnit('selvedged-blue.default'),
    second.start(`'${process.execPath}' '${NETWORKS}' '${etcd.endpoint}' /run/flannel`),
  ]
  programs = children.map(listenTo)
  for (const program of programs.slice(0, 2)) await toSay(program, /"in sync:/)
  await toSay(programs[2] as Program, /peer: put/, 2)
})
afterAll(() => rig?.[Symbol.asyncDispose]())

test('a host has a device, a file and routes for each network', async () => {
  const [first] = hosts
  const seen = await until('both peers to be routed', async () => {
    const text = (await first?.run('several-networks/look.sh')) ?? ''
    return text.includes('10.99.202.0/24') && text.includes('10.244.202.0/24') ? text : undefined
  })
  expect(seen.replaceAll(/ +$/gm, '')).toBe(await example('several-networks/look.txt'))
})

/** What Multus reads of its configuration, and of the object that the pod names. */
async function multusNetworks(): Promise<readonly NetworkList[]> {
  const { delegates } = JSON.parse(await example('multus/00-multus.conf'))
  const [, named] =
    /^ {4}k8s\.v1\.cni\.cncf\.io\/networks: (\S+)$/m.exec(await example('multus/pod.yml')) ?? []
  const definition = await example('multus/blue.yml')
  expect(definition).toContain(`\n  name: ${named}\n`)
  const config = definition.slice(definition.indexOf('config: |') + 'config: |'.length)
  return [...delegates, JSON.parse(config)]
}

const runtimes = new Map<GuideHost, Runtime>()

interface Attached {
  readonly host: GuideHost
  readonly container: Container
  readonly addresses: readonly string[]
  readonly remove: () => Promise<void>
}

/** Does what Multus does with a pod: one network after the other, as eth0, net1, …; for the end of the pod in reverse. */
async function attach(host: GuideHost, count = 2): Promise<Attached> {
  const networks = (await multusNetworks()).slice(0, count)
  const runtime = runtimes.get(host) ?? (await Runtime.create(host, rig.lab.directory))
  runtimes.set(host, runtime)
  const container = await runtime.container()
  const named = networks.map((list, i) => ({ list, ifName: i === 0 ? 'eth0' : `net${i}` }))
  const addresses: string[] = []
  for (const { list, ifName } of named) {
    const { ips = [] }: Result = await runtime.add(list, container, { ifName })
    addresses.push(...ips.map(({ address }) => address.split('/')[0] ?? ''))
  }
  const remove = async () => {
    for (const { list, ifName } of named.toReversed()) await runtime.del(list, container, { ifName })
  }
  return { host, container, addresses, remove }
}

test('a pod in both networks reaches another in each, as the address that it has there, and the outside by the first', async () => {
  const pods = await Promise.all(hosts.map((host) => attach(host)))
  const [here, there] = pods
  if (here === undefined || there === undefined) throw new Error('two hosts')
  expect(here.addresses).toEqual([
    expect.stringMatching(/^10\.244\.139\./),
    expect.stringMatching(/^10\.99\.139\./),
  ])
  for (const [i, address] of there.addresses.entries()) {
    await pingUntilReached(here.container.netns, address)
    const seen = await addressSeen(here.container.netns, there.container.netns, { address, port: 8000 + i })
    expect(seen).toBe(here.addresses[i])
  }
  expect(await ping(here.container.netns, '192.168.77.254')).toEqual(ALL)
  for (const pod of pods) await pod.remove()
  expect(await here.container.netns.ip('-oneline', 'link')).not.toMatch(/eth0|net1/)
  const kept = await here.host.sh('find /var/lib/cni -type f ! -name lock ! -name last_reserved_ip.0')
  expect(kept).toBe('')
})

test('a pod that is in one network reaches the other through its host, with an address of the host, unless a rule forbids it', async () => {
  const [first, second] = hosts
  if (first === undefined || second === undefined) throw new Error('two hosts')
  const [both, one] = await Promise.all([attach(second), attach(first, 1)])
  const address = both.addresses[1] ?? ''
  await pingUntilReached(one.container.netns, address)
  const seen = await addressSeen(one.container.netns, both.container.netns, { address, port: 8002 })
  expect(seen).toBe('10.99.139.0')

  await first.run('several-networks/isolate.sh')
  expect(await ping(one.container.netns, address)).toEqual({ sent: 5, lost: 5 })
  expect(await ping(one.container.netns, both.addresses[0] ?? '')).toEqual(ALL)
  for (const pod of [both, one]) await pod.remove()
})

test('an agent for a third network with the VNI of another says that the device is contested, by name', async () => {
  const [first] = hosts
  if (first === undefined) throw new Error('two hosts')
  await first.sh(
    `etcdctl put /green/network/config '{ "Network": "10.98.0.0/16", "Backend": { "Type": "vxlan", "VNI": 2 } }'`,
  )
  const green = ['--subnet-file=/run/flannel/green.env', '--lease-cache=', '--control-socket=']
  const third = listenTo(
    first.start(
      `selvedged --etcd-endpoints=${rig.etcd.endpoint} --etcd-prefix=/green/network ${green.join(' ')}`,
    ),
  )
  await toSay(third, /"link flannel\.2 changed".*another program changed the overlay's entries/)
  const blue = programs[1] as Program
  await toSay(blue, /"link flannel\.2 changed".*another program changed the overlay's entries/)
  third.child.kill('SIGTERM')
  await until('its end', () => third.child.exitCode ?? undefined)
})
