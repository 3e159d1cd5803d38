import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KubeCluster } from '../../kubernetes/kube-cluster.js'
import type { Lab } from '../../lab.js'

const SWITCH = '192.168.77.254'

/** Where the nodes of the demo get their subnets from. */
export interface DemoStore extends AsyncDisposable {
  readonly title: string
  /** selvedged's flags for it. */
  readonly flags: readonly string[]
  /** If nodes are known before they have a subnet: makes them known, and later gives them subnets. */
  readonly late?: {
    register(nodes: readonly string[]): Promise<void>
    assign(nodes: readonly string[]): Promise<void>
  }
  /** What it has of a node, with the command that shows it; undefined if it has nothing to show. */
  show(node: string): Promise<{ readonly command: string; readonly output: string } | undefined>
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
    late: {
      register: async (nodes) => {
        for (const name of nodes) await create({ apiVersion: 'v1', kind: 'Node', metadata: { name } })
      },
      assign: async (nodes) => {
        for (const [i, name] of nodes.entries()) {
          const podCIDR = `10.244.${i + 1}.0/24`
          await cluster.kubectl(
            'patch',
            'node',
            name,
            '--patch',
            JSON.stringify({ spec: { podCIDR, podCIDRs: [podCIDR] } }),
          )
        }
      },
    },
    show: async (node) => {
      const path =
        '-o=jsonpath={.spec.podCIDR}{"\\n"}{.metadata.annotations}{"\\n"}{.status.conditions[*].reason}'
      const output = await cluster.kubectl('get', 'node', node, path)
      return { command: `kubectl get node ${node} ${path.replaceAll('\n', '\\n')}`, output }
    },
    [Symbol.asyncDispose]: () => cluster.stop(),
  }
}

/** A file that the hosts share, where there is no API server. */
export async function sharedFile(lab: Lab, config: object): Promise<DemoStore> {
  const file = join(lab.directory, 'net-conf.json')
  await writeFile(file, JSON.stringify(config))
  return {
    title: 'a store in a file, for want of an API server (npm run test:kube builds one)',
    flags: [`--local-store=${join(lab.directory, 'store.mdb')}`, `--net-config-path=${file}`],
    show: async () => undefined,
    [Symbol.asyncDispose]: async () => {},
  }
}
