import { quote } from '@selvedge/core/kit'
import type { KubeAccess, PodEnvironment, PodReference } from '@selvedge/store-kube'
import { UsageError } from './flag-set.js'
import type { SelvedgedFlags } from './flannel-flags.js'

export type Variables = Readonly<Record<string, string | undefined>>

/** Which Kubernetes API server, how to authenticate, and which of its nodes this is. */
export interface KubeSettings {
  readonly type: 'kubernetes'
  /** How to reach the API server. */
  readonly access: KubeAccess | InPod
  /** This node's name, or the pod that runs on it: NODE_NAME, else POD_NAME and POD_NAMESPACE. */
  readonly node: string | PodReference
  /** `-net-config-path`. */
  readonly networkConfigFile: string
  /** `-kube-annotation-prefix`. */
  readonly annotationPrefix: string
  /** Whether to set the node's condition NetworkUnavailable to false once ready. */
  readonly setNetworkUnavailable: boolean
}

/** The access that a pod has by its service account. */
export interface InPod {
  /** Where the API server is, as the pod's environment says it. */
  readonly pod: PodEnvironment
  /** Replaces the service's address. */
  readonly apiUrl?: string | undefined
}

/** As flanneld finds the API server and its own node. Throws a UsageError that says what is missing. */
export function kubeSettings(values: SelvedgedFlags, variables: Variables): KubeSettings {
  return {
    type: 'kubernetes',
    access: accessOf(values, variables),
    node: nodeOf(variables),
    networkConfigFile: values['net-config-path'],
    annotationPrefix: values['kube-annotation-prefix'],
    setNetworkUnavailable: values['set-node-network-unavailable'],
  }
}

/** A kubeconfig, else the pod's service account; a URL replaces theirs, and without either stands alone. */
function accessOf(values: SelvedgedFlags, variables: Variables): KubeSettings['access'] {
  const { 'kube-api-url': url, 'kubeconfig-file': kubeconfigFile } = values
  if (url !== '') checkUrl(url)
  if (kubeconfigFile !== '') return { kubeconfigFile, ...(url !== '' && { apiUrl: url }) }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = variables
  if (host && port) return { pod: { host, port }, apiUrl: url || undefined }
  if (url !== '') return { apiUrl: url }
  throw new UsageError(
    'flag -kube-subnet-mgr: outside of a pod, -kubeconfig-file or -kube-api-url must name the API server',
  )
}

function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && url.username === '' && url.password === ''
  if (isPlain && (url.protocol === 'https:' || url.protocol === 'http:')) return
  const shown = text.slice(text.lastIndexOf('@') + 1)
  throw new UsageError(
    `invalid value ${quote(shown)} for flag -kube-api-url: it must be a URL such as https://10.96.0.1:443, ` +
      'without user and password',
  )
}

function nodeOf({ NODE_NAME, POD_NAME, POD_NAMESPACE }: Variables): string | PodReference {
  if (NODE_NAME) return NODE_NAME
  if (POD_NAME && POD_NAMESPACE) return { podName: POD_NAME, podNamespace: POD_NAMESPACE }
  throw new UsageError(
    'flag -kube-subnet-mgr: the environment must say which node this is, by NODE_NAME or by POD_NAME and POD_NAMESPACE',
  )
}
