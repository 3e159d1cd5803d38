import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '../../host.js'
import { KubeCluster } from '../../kubernetes/kube-cluster.js'
import type { Lab } from '../../lab.js'
import { until } from '../../until.js'

const SWITCH = '192.168.77.254'

/** Where the nodes of the demo get their subnets from. */
export interface DemoStore extends AsyncDisposable {
  readonly title: string
  /** selvedged's flags for it. */
  readonly flags: readonly string[]
  /** What agents wait for until subnets are assigned, in their words. */
  readonly awaited: string
  /** Makes the nodes known, without a subnet. */
  register(nodes: readonly string[]): Promise<void>
  /** Gives them subnets, or lets them choose theirs. */
  assign(nodes: readonly string[]): Promise<void>
  /** What it has of a node that is ready, with the command that shows it. */
  show(node: Host): Promise<{ readonly command: string; readonly output: string }>
}

/** A Kubernetes API server on the switch. */
export async function kubernetes(lab: Lab, config: object): Promise<DemoStore> {
  const cluster = await KubeCluster.start({ at: { namespace: lab.switch.namespace, address: SWITCH } })
  const file = join(cluster.folder, 'net-conf.json')
  await writeFile(file, JSON.stringify(config))
  const create = async (object: object) => {
    const manifest = join(cluster.folder, 'object.json')
    await writeFile(manifest, JSON.stringify(object))
    await cluster.kubectl('create', '--filename', manifest)
  }
  return {
    title: 'a Kubernetes API server',
    flags: [
      '--kube-subnet-mgr',
      `--kubeconfig-file=${await cluster.adminKubeconfig()}`,
      `--net-config-path=${file}`,
    ],
    awaited: 'PodCIDR',
    register: async (nodes) => {
      for (const name of nodes) await create({ apiVersion: 'v1', kind: 'Node', metadata: { name } })
    },
    assign: async (nodes) => {
      for (const [i, name] of nodes.entries()) {
        const podCIDR = `10.244.${i + 1}.0/24`
        const patch = JSON.stringify({ spec: { podCIDR, podCIDRs: [podCIDR] } })
        await cluster.kubectl('patch', 'node', name, '--patch', patch)
      }
    },
    show: async ({ name: node }) => {
      // The agent is ready before it says so to Kubernetes.
      await cluster.kubectl(
        'wait',
        '--for=condition=NetworkUnavailable=false',
        `node/${node}`,
        '--timeout=10s',
      )
      const path =
        '-o=jsonpath={.spec.podCIDR}{"\\n"}{.metadata.annotations}{"\\n"}{.status.conditions[*].reason}'
      const output = await cluster.kubectl('get', 'node', node, path)
      return { command: `kubectl get node ${node} ${path.replaceAll('\n', '\\n')}`, output }
    },
    [Symbol.asyncDispose]: () => cluster.stop(),
  }
}

/** etcd on the switch, where there is no API server. */
export async function etcd(lab: Lab, config: object): Promise<DemoStore> {
  const endpoint = `http://${SWITCH}:2379`
  const server = lab.switch.spawn('etcd', [
    `--data-dir=${join(lab.directory, 'etcd')}`,
    `--listen-client-urls=${endpoint}`,
    `--advertise-client-urls=${endpoint}`,
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--unsafe-no-fsync',
    '--logger=zap',
    '--log-level=error',
  ])
  let said = ''
  server.stdout.resume()
  server.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  const control = (...args: string[]) =>
    lab.switch.exec('env', ['ETCDCTL_API=3', 'etcdctl', `--endpoints=${endpoint}`, ...args])
  await until(
    'etcd to answer',
    async () => {
      if (server.exitCode !== null) throw new Error(`etcd has ended: ${said}`)
      return control('get', '/').then(
        () => true,
        () => undefined,
      )
    },
    { timeoutMs: 20_000, signal: lab.switch.signal },
  )
  return {
    title: 'etcd, for want of an API server (npm run test:kube builds one)',
    flags: [`--etcd-endpoints=${endpoint}`],
    awaited: 'network config',
    register: async () => undefined,
    assign: async () => {
      await control('put', '/coreos.com/network/config', JSON.stringify(config))
    },
    show: async ({ addresses: [address] }) => {
      const leases = await control('get', '--prefix', '/coreos.com/network/subnets/')
      const lines = leases.split('\n')
      const value = lines.findIndex((line) => line.includes(`"PublicIP":"${address}"`))
      return {
        command: `etcdctl get ${lines[value - 1]}`,
        output: lines.slice(value - 1, value + 1).join('\n'),
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGKILL')
    },
  }
}
