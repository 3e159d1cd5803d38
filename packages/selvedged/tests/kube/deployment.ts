import { execFile } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { documentBlock, type KubeCluster, run as runIn } from '@selvedge/lab'
import { kubectl132 } from '../../../../scripts/kubectl.mjs'

const run = promisify(execFile)

/** What `deploy/kubernetes` holds. */
export const KUBERNETES = fileURLToPath(new URL('../../../../deploy/kubernetes/', import.meta.url))
export const MANIFEST = `${KUBERNETES}base/kube-flannel.yml`

/** Every object of the deployment, flannel's or ours: they have the same names. */
const OBJECTS = {
  namespace: '/api/v1/namespaces/kube-flannel',
  serviceAccount: '/api/v1/namespaces/kube-flannel/serviceaccounts/flannel',
  clusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles/flannel',
  clusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/flannel',
  configMap: '/api/v1/namespaces/kube-flannel/configmaps/kube-flannel-cfg',
  daemonSet: '/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds',
} as const

export interface HostPath {
  readonly path: string
  readonly type: string
}

export interface Container {
  readonly name: string
  readonly command: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string }[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly securityContext: {
    readonly privileged: boolean
    readonly allowPrivilegeEscalation: boolean
    readonly readOnlyRootFilesystem: boolean
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] }
  }
}

export interface PodSpec {
  readonly hostNetwork: boolean
  readonly priorityClassName: string
  readonly serviceAccountName: string
  readonly tolerations: readonly object[]
  readonly initContainers: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes: readonly { readonly name: string; readonly hostPath?: HostPath }[]
}

export interface DaemonSet {
  readonly metadata: { readonly uid: string }
  readonly spec: { readonly template: { readonly spec: PodSpec } }
}

export const daemonSet = (cluster: KubeCluster) => cluster.admin.get<DaemonSet>(OBJECTS.daemonSet)

/** The data of the ConfigMap. */
export async function configOf(cluster: KubeCluster): Promise<Readonly<Record<string, string>>> {
  return (await cluster.admin.get<{ data: Record<string, string> }>(OBJECTS.configMap)).data
}

/**
 * All that the API server holds of the deployment, but for what differs each time: identities, times, versions, and the
 * notes of `kubectl apply`.
 */
export async function stateOf(cluster: KubeCluster): Promise<Record<string, unknown>> {
  const objects = Object.entries(OBJECTS).map(async ([name, path]) => {
    const object = await cluster.admin.get<Record<string, unknown>>(path)
    const { metadata, status: _, secrets: __, ...rest } = object
    const { labels, name: itsName, namespace } = metadata as Record<string, unknown>
    return [name, { ...rest, metadata: { labels, name: itsName, namespace } }]
  })
  return Object.fromEntries(await Promise.all(objects))
}

/** Removes all of it. A namespace would go on terminating without the controller that ends that, so it stays. */
export async function removeDeployment(cluster: KubeCluster): Promise<void> {
  for (const [name, path] of Object.entries(OBJECTS)) {
    if (name !== 'namespace') await cluster.admin.delete(path).catch(() => undefined)
  }
}

/** What `kubectl kustomize` of Debian 13 builds from a folder. */
export async function kustomize(folder: string): Promise<string> {
  const { stdout } = await run(kubectl132, ['kustomize', folder]).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new Error('no kubectl 1.32: node scripts/kubectl.mjs downloads it')
  })
  return stdout
}

/** In a folder, what the README has its reader write: `deploy/my-cluster`, beside ours. Resolves with its path. */
export async function writeMyCluster(folder: string): Promise<string> {
  const own = join(folder, 'deploy/my-cluster')
  await mkdir(own, { recursive: true })
  await symlink(KUBERNETES, join(folder, 'deploy/kubernetes'))
  const text = documentBlock('deploy/kubernetes/README.md', 'apiVersion: kustomize.config.k8s.io')
  await writeFile(join(own, 'kustomization.yaml'), text)
  return own
}

/** Runs commands of the README in such a folder, as an administrator: its kubectl is Debian 13's. */
export async function readmeShell(
  folder: string,
  cluster: KubeCluster,
): Promise<(block: string) => Promise<string>> {
  await symlink(kubectl132, join(folder, 'kubectl'))
  const variables = [`PATH=${folder}:${process.env.PATH}`, `KUBECONFIG=${await cluster.adminKubeconfig()}`]
  return (block) => runIn('env', ['-C', folder, ...variables, 'sh', '-euc', block], { timeoutMs: 30_000 })
}

/**
 * What a kustomization of a user's builds, which names one of the bases and components.
 *
 * @param folder in which it is written
 */
export async function buildDeployment(
  folder: string,
  base: string,
  components: readonly string[],
): Promise<string> {
  const own = join(folder, [base, ...components].join('-'))
  await mkdir(own, { recursive: true })
  const path = (name: string): string => relative(own, join(KUBERNETES, name))
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [path(base)],
    components: components.map((name) => path(`components/${name}`)),
  }
  await writeFile(join(own, 'kustomization.yaml'), JSON.stringify(kustomization))
  return kustomize(own)
}
