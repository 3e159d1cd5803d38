import type { KubeSettings } from './kube-settings.js'
import type { LocalSettings } from './local-settings.js'

/** What of the settings of etcd says how they are sent. */
interface EtcdConnection {
  readonly type: 'etcd'
  readonly endpoints: readonly string[]
  readonly tls: object
  readonly password: string | undefined
}

/** A warning for credentials that are sent unencrypted, and for TLS flags that encrypt nothing. */
export function plainTextWarnings(store: EtcdConnection | KubeSettings | LocalSettings): readonly string[] {
  if (store.type === 'local') return []
  return store.type === 'kubernetes' ? ofKubernetes(store) : ofEtcd(store)
}

function ofEtcd({ endpoints, tls, password }: EtcdConnection): readonly string[] {
  const plain = endpoints.filter((endpoint) => endpoint.startsWith('http:'))
  const exposed = plain.filter(isReadOnTheWay)
  const warnings: string[] = []
  if (plain.length > 0 && Object.keys(tls).length > 0) {
    warnings.push(
      `flag -etcd-endpoints: ${plain.join(', ')} is not encrypted: -etcd-cafile, -etcd-certfile and -etcd-keyfile have no effect there; write https://`,
    )
  }
  if (exposed.length > 0 && password !== undefined) {
    warnings.push(`flag -etcd-endpoints: the password is sent unencrypted to ${exposed.join(', ')}`)
  }
  return warnings
}

function ofKubernetes({ access }: KubeSettings): readonly string[] {
  const hasCredentials = 'pod' in access || 'kubeconfigFile' in access
  if (!hasCredentials || access.apiUrl === undefined || !isReadOnTheWay(access.apiUrl)) return []
  return [`flag -kube-api-url: credentials are sent unencrypted to ${access.apiUrl}`]
}

/** Whether a URL is unencrypted, and not of this host. */
function isReadOnTheWay(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}
