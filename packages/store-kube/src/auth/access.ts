/** How to reach the API server, and how to authenticate there. */
export type KubeAccess = KubeUrlAccess | KubeConfigAccess | KubeDiscoveryAccess

/** An API server given by its URL, as in a pod. */
export interface KubeUrlAccess {
  /** Such as `https://10.96.0.1:443`. With `http:` nothing is encrypted, and certificates are ignored. */
  readonly apiUrl: string
  /** PEM file of the authorities that may sign the server's certificate. Default: those that Node.js trusts. */
  readonly caFile?: string | undefined
  /** File with a bearer token. It is read for every request, so that a rotated token needs no restart. */
  readonly tokenFile?: string | undefined
  /** A bearer token that does not change. Ignored if there is a `tokenFile`. */
  readonly token?: string | undefined
  /** PEM files of a client certificate and its key. They are read for every request, as the token is. */
  readonly certFile?: string | undefined
  /** The key of `certFile`, which needs it. */
  readonly keyFile?: string | undefined
  /** Accepts any server certificate. For tests only. */
  readonly insecureSkipTlsVerify?: boolean | undefined
}

/**
 * A kubeconfig file. Tokens, client certificates and `exec` plugins are this package's own matter. For any other way to
 * authenticate, and for a proxy, `@kubernetes/client-node` is loaded: install it besides. It takes half a second and 70 MB.
 */
export interface KubeConfigAccess {
  /** Its path. */
  readonly kubeconfigFile: string
  /** Default: the file's current context. */
  readonly context?: string | undefined
  /** Overrides the server that the file names. */
  readonly apiUrl?: string | undefined
}

/**
 * Finds the cluster as kubectl does: `$KUBECONFIG`, `~/.kube/config`, then the pod's service account. This is the only
 * option that makes this package read the environment. To merge several files that `$KUBECONFIG` names takes
 * `@kubernetes/client-node`.
 */
export interface KubeDiscoveryAccess {
  readonly discover: true
}

/** Where the kubelet mounts a pod's service account. */
const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What a pod's environment and file system say of the API server. */
export interface PodEnvironment {
  /** `KUBERNETES_SERVICE_HOST` in a pod's environment. */
  readonly host: string
  /** `KUBERNETES_SERVICE_PORT` in a pod's environment. */
  readonly port: string
  /** Default: where the kubelet mounts it, `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly serviceAccountFolder?: string | undefined
}

/** The access that a pod has through its service account. */
export function podAccess({
  host,
  port,
  serviceAccountFolder = SERVICE_ACCOUNT_FOLDER,
}: PodEnvironment): KubeUrlAccess {
  const name = host.includes(':') ? `[${host}]` : host
  return {
    apiUrl: `https://${name}:${port}`,
    caFile: `${serviceAccountFolder}/ca.crt`,
    tokenFile: `${serviceAccountFolder}/token`,
  }
}
