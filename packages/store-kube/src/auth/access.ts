/** How the API server is reached, and who this is to it. */
export type KubeAccess = KubeUrlAccess | KubeConfigAccess | KubeDiscoveryAccess

/** The API server named outright, as in a pod: needs nothing but Node. */
export interface KubeUrlAccess {
  /** Such as `https://10.96.0.1:443`. With `http:` nothing is encrypted, and no certificate counts. */
  readonly apiUrl: string
  /** PEM of the authorities that may sign the server's certificate. Default: those that Node trusts. */
  readonly caFile?: string | undefined
  /** Holds a bearer token. Read for every request, so that one that is rotated needs nothing else. */
  readonly tokenFile?: string | undefined
  /** A bearer token that does not change. */
  readonly token?: string | undefined
  /** PEM of a client certificate and its key. Read for every request, as the token is. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  /** Takes any certificate for the server's: for tests alone. */
  readonly insecureSkipTlsVerify?: boolean | undefined
}

/**
 * A kubeconfig file. One that names a token or a client certificate is read here; for one that names an `exec` plugin,
 * another way to authenticate or a proxy, `@kubernetes/client-node` is loaded, which takes about half a second and 70 MB.
 */
export interface KubeConfigAccess {
  readonly kubeconfigFile: string
  /** Default: the file's current context. */
  readonly context?: string | undefined
  /** Counts instead of the server that the file names. */
  readonly apiUrl?: string | undefined
}

/**
 * As kubectl finds a cluster: `$KUBECONFIG`, `~/.kube/config`, then the pod's service account. The one way in which
 * this package's behaviour depends on the environment. Loads `@kubernetes/client-node`.
 */
export interface KubeDiscoveryAccess {
  readonly discover: true
}

/** Where the kubelet mounts a pod's service account. */
const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface PodEnvironment {
  /** `KUBERNETES_SERVICE_HOST` in a pod's environment. */
  readonly host: string
  /** `KUBERNETES_SERVICE_PORT` in a pod's environment. */
  readonly port: string
  /** Default: where the kubelet mounts it. */
  readonly serviceAccountFolder?: string | undefined
}

/** The access that a pod has by its service account. */
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
