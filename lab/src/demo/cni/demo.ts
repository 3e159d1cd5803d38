import { once } from 'node:events'
import { join } from 'node:path'
import { findKubernetes } from '../../../../scripts/kube-apiserver.mjs'
import { type Container, type NetworkList, type Result, Runtime } from '../../cni/runtime.js'
import type { Host } from '../../host.js'
import { Lab } from '../../lab.js'
import type { Namespace } from '../../namespace.js'
import { pingMatrix, pingUntilReached } from '../../ping.js'
import { until } from '../../until.js'
import type { DemoOptions } from '../options.js'
import type { Report } from '../report.js'
import { Agent } from './agent.js'
import { attachedNetwork, networkAttachment, podNetwork } from './networks.js'
import { type DemoStore, etcd, kubernetes } from './store.js'

const OUTSIDE = '192.168.77.254'
const HOST_PORT = 8080
const PORT = 8000

/** A host with its agent and its container runtime. */
interface Node {
  readonly host: Host
  readonly folder: string
  readonly agent: Agent
  readonly runtime: Runtime
}

interface Surroundings {
  readonly lab: Lab
  readonly store: DemoStore
  readonly options: DemoOptions
  readonly report: Report
  readonly signal: AbortSignal
}

interface DemoPod extends Container {
  readonly name: string
  readonly addresses: readonly string[]
  readonly result: Result
}

/**
 * Kubernetes nodes whose pods the CNI plugin makes, as a container runtime calls it, on the real kernel. Always removes
 * all that it made.
 * @returns how many pings were lost
 */
export async function cniDemo(options: DemoOptions, report: Report, signal: AbortSignal): Promise<number> {
  await using lab = await Lab.create({ hosts: options.hosts, signal })
  const config = {
    Network: '10.244.0.0/16',
    EnableNFTables: options.nftables,
    Backend: { Type: options.backend },
  }
  await using store = await (findKubernetes() === undefined ? etcd : kubernetes)(lab, config)
  report.heading(
    `${options.hosts} nodes on one switch, selvedged on each, ${options.backend}, with ${store.title}`,
  )
  report.note(`namespaces ${lab.name}-*, files in ${lab.directory}`)
  const nodes = await Promise.all(lab.hosts.map((host) => startNode(lab, host, store)))
  try {
    return await walkThrough(nodes, { lab, store, options, report, signal })
  } finally {
    report.heading('Cleaning up')
    report.note('the agents, the pods, the namespaces, the files')
    await Promise.all(nodes.map(({ agent }) => agent.stop()))
  }
}

async function startNode(lab: Lab, host: Host, store: DemoStore): Promise<Node> {
  const folder = join(lab.directory, host.name)
  return {
    host,
    folder,
    agent: Agent.start(host, folder, store.flags, host.name),
    runtime: await Runtime.create(host, lab.directory),
  }
}

async function walkThrough(
  nodes: readonly Node[],
  { lab, store, options, report, signal }: Surroundings,
): Promise<number> {
  const names = nodes.map(({ host }) => host.name)
  const [first, second] = nodes
  if (first === undefined || second === undefined) throw new RangeError('two nodes are needed')

  await showLateSubnets(first, store, names, report)
  report.heading('Each node has its subnet')
  for (const { host, agent } of nodes) {
    await agent.ready()
    const outputs = [
      { command: `cat ${agent.subnetFile}`, output: await host.exec('cat', [agent.subnetFile]) },
    ]
    report.view({ host: host.name, outputs: [await store.show(host), ...outputs] })
  }

  report.heading('Two pods on each node, made by the plugin; the first has a hostPort')
  const pods: DemoPod[] = []
  for (const node of nodes)
    pods.push(
      await addPod(node, 1, [{ hostPort: HOST_PORT, containerPort: PORT, protocol: 'tcp' }]),
      await addPod(node, 2),
    )
  const [pod] = pods
  if (pod === undefined) throw new RangeError('a pod is needed')
  report.view(viewOf(first.host, 'flannel (CNI_COMMAND=ADD)', JSON.stringify(pod.result, undefined, 2)))

  const hosts = nodes.map(({ host }) => host)
  const targets = pods.map((one) => Object.assign(one.netns, { name: one.name, addresses: one.addresses }))
  const outside = Object.assign(lab.switch, { name: 'outside', addresses: [OUTSIDE] })
  report.heading('Pods and nodes to pods; pods to the outside, masqueraded')
  const entries = [
    ...(await pingMatrix([...targets, ...hosts], targets)),
    ...(await pingMatrix(targets, [outside])),
  ]
  report.reachability('of pods', entries)
  const lost = entries.reduce((sum, entry) => sum + entry.lost, 0)

  report.heading('A further network for two pods of the first node, as Multus attaches one')
  const [attached, other] = [
    attachedNetwork(first.folder, first.agent, '192.168.100.2/24'),
    attachedNetwork(first.folder, first.agent, '192.168.100.3/24'),
  ]
  report.note(JSON.stringify(networkAttachment(attached)))
  await first.runtime.add(attached, pod, { ifName: 'net1' })
  if (pods[1] !== undefined) await first.runtime.add(other, pods[1], { ifName: 'net1' })
  await pingUntilReached(pod.netns, '192.168.100.3')
  report.view(await show(pod.netns, pod.name, ['ip -brief address', 'ping -c 1 192.168.100.3']))

  report.heading('HTTP: a host-network pod of the first node from the second, and a hostPort')
  const servers = [await serve(first.host, PORT), await serve(pod.netns, PORT)]
  const [address = ''] = first.host.addresses
  report.view(
    await show(
      second.host,
      second.host.name,
      [PORT, HOST_PORT].map((port) => `curl -sI http://${address}:${port}`),
    ),
  )
  for (const server of servers) server.kill()

  report.heading('What an operator looks at: device, ARP, FDB, routes, NAT')
  const device = [
    'ip -details link show flannel.1',
    'ip neigh show dev flannel.1',
    'bridge fdb show dev flannel.1',
  ]
  const commands = [
    ...(options.backend === 'vxlan' ? device : []),
    'ip route',
    'iptables -t nat -S',
    ...(options.nftables ? ['nft list table ip flannel-ipv4'] : []),
  ]
  report.view(await show(first.host, first.host.name, commands))

  if (options.keep) {
    await keepUntil(signal, nodes, pods, report)
    return lost
  }
  report.heading('DEL')
  for (const [i, node] of nodes.entries())
    await removePods(node, pods.slice(2 * i, 2 * i + 2), i === 0 ? [attached, other] : [])
  report.note('every pod is removed, its address given back, its hostPort closed')
  return lost
}

/** Keeps everything running, so that one can look around. Nothing runs in a namespace after the abort: no DEL either. */
async function keepUntil(
  signal: AbortSignal,
  nodes: readonly Node[],
  pods: readonly DemoPod[],
  report: Report,
): Promise<void> {
  report.heading('All of it is kept running; Ctrl-C removes it')
  for (const { host } of nodes) report.note(`${host.name}: ip netns exec ${host.namespace} bash`)
  for (const { name, netns } of pods) report.note(`${name}: ip netns exec ${netns.namespace} bash`)
  if (!signal.aborted) await once(signal, 'abort')
}

/** What the plugin answers before there is a subnet, and then the subnets. */
async function showLateSubnets(
  { host, folder, agent, runtime }: Node,
  { awaited, register, assign }: DemoStore,
  names: readonly string[],
  report: Report,
): Promise<void> {
  report.heading('A node without a subnet: what the plugin answers to ADD')
  await register(names)
  await until(
    `the agent to say that it waits for a ${awaited}`,
    async () => ((await agent.whyNotReady())?.includes(awaited) ? true : undefined),
    { signal: host.signal },
  )
  const container = await runtime.container()
  const refused = await runtime
    .add(podNetwork(folder, agent), container)
    .catch(({ code, message }) => ({ code, msg: message }))
  report.view(viewOf(host, 'flannel (CNI_COMMAND=ADD)', JSON.stringify(refused, undefined, 2)))
  await assign(names)
}

async function addPod(
  { host, folder, agent, runtime }: Node,
  number: number,
  portMappings: readonly object[] = [],
): Promise<DemoPod> {
  const container = await runtime.container()
  const result = await runtime.add(podNetwork(folder, agent), container, { capabilities: { portMappings } })
  const addresses = (result.ips ?? []).map((ip) => ip.address.split('/')[0] ?? '')
  return { ...container, name: `${host.name}p${number}`, addresses, result }
}

async function removePods(
  { folder, agent, runtime }: Node,
  pods: readonly DemoPod[],
  attached: readonly NetworkList[],
): Promise<void> {
  for (const [i, pod] of pods.entries()) {
    const further = attached[i]
    if (further !== undefined) await runtime.del(further, pod, { ifName: 'net1' })
    await runtime.del(podNetwork(folder, agent), pod)
  }
}

/** An HTTP server that answers anything. */
async function serve(at: Namespace, port: number) {
  const program = `require('http').createServer((_, r) => r.end()).listen(${port}, () => console.log('listening'))`
  const server = at.spawn(process.execPath, ['-e', program])
  let said = ''
  server.stdout.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  await until('a server that listens', () => said.includes('listening') || undefined, { signal: at.signal })
  return server
}

const viewOf = ({ name }: Host, command: string, output: string) => ({
  host: name,
  outputs: [{ command, output }],
})

async function show(at: Namespace, name: string, commands: readonly string[]) {
  const outputs = []
  for (const command of commands) {
    const [program = '', ...args] = command.split(' ')
    outputs.push({ command, output: await at.exec(program, args) })
  }
  return { host: name, outputs }
}
