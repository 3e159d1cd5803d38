import type { KubeCluster } from '@selvedge/lab'

export const PREFIX = 'flannel.alpha.coreos.com'

export interface NodeObject {
  readonly metadata: {
    readonly uid: string
    readonly resourceVersion: string
    readonly annotations?: Record<string, string>
  }
  readonly spec: { readonly podCIDR?: string }
  readonly status: { readonly conditions?: readonly Record<string, string>[] }
}

export interface NodeSpec {
  readonly podCidr?: string | undefined
  /** The second PodCIDR of a dual-stack node. */
  readonly ipv6PodCidr?: string | undefined
  /** Without the prefix. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** What a host-gw node publishes. */
export const joined = (publicIp: string): Record<string, string> => ({
  'kube-subnet-manager': 'true',
  'backend-type': 'host-gw',
  'backend-data': 'null',
  'public-ip': publicIp,
})

export function createNode(cluster: KubeCluster, name: string, spec: NodeSpec = {}) {
  return cluster.admin.post<NodeObject>('/api/v1/nodes', nodeManifest(name, spec))
}

export function nodeManifest(name: string, { podCidr, ipv6PodCidr, annotations = {} }: NodeSpec): object {
  const podCIDRs = [podCidr, ipv6PodCidr].filter((cidr) => cidr !== undefined)
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations: prefixed(annotations) },
    spec: podCidr === undefined ? {} : { podCIDR: podCidr, podCIDRs },
  }
}

export const getNode = (cluster: KubeCluster, name: string) =>
  cluster.admin.get<NodeObject>(`/api/v1/nodes/${name}`)

export const deleteNode = (cluster: KubeCluster, name: string) =>
  cluster.admin.delete(`/api/v1/nodes/${name}`)

/** Sets annotations by hand; null removes one. */
export function annotate(
  cluster: KubeCluster,
  name: string,
  annotations: Readonly<Record<string, string | null>>,
) {
  return cluster.admin.patch<NodeObject>(`/api/v1/nodes/${name}`, {
    metadata: { annotations: prefixed(annotations) },
  })
}

/** A node's annotations under the prefix, without it. */
export async function annotationsOf(cluster: KubeCluster, name: string, prefix = `${PREFIX}/`) {
  const { metadata } = await getNode(cluster, name)
  const entries = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(prefix))
  return Object.fromEntries(entries.map(([key, value]) => [key.slice(prefix.length), value]))
}

const prefixed = <T>(annotations: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`${PREFIX}/${name}`, value]))
