import type { KubeSettings } from './kube-settings.js'
import type { LocalSettings } from './local-settings.js'
import type { NatsSettings } from './nats-settings.js'

/** What of the settings of etcd says how they are sent. */
interface EtcdConnection {
  readonly type: 'etcd'
  readonly endpoints: readonly string[]
  readonly tls: object
  readonly password: string | undefined
}

/** A warning for credentials that are sent unencrypted, and for TLS flags that encrypt nothing. */
export function plainTextWarnings(
  store: EtcdConnection | KubeSettings | LocalSettings | NatsSettings,
): readonly string[] {
  if (store.type === 'local') return []
  if (store.type === 'nats') return ofNats(store)
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

/** What is signed, an nkey or a JWT, is not sent. */
function ofNats({ servers, tls, credentials }: NatsSettings): readonly string[] {
  const isSent = credentials !== undefined && ('password' in credentials || 'token' in credentials)
  const isEncrypted = Object.keys(tls).length > 0 || servers.some((server) => server.startsWith('tls:'))
  const exposed = servers.filter((server) => !isLoopback(new URL(server).hostname))
  if (!isSent || isEncrypted || exposed.length === 0) return []
  const what = 'password' in credentials ? 'password' : 'token'
  return [
    `flag -nats-servers: the ${what} is sent unencrypted to ${exposed.join(', ')} if the server has no TLS; write tls:// to insist on it`,
  ]
}

function ofKubernetes({ access }: KubeSettings): readonly string[] {
  const hasCredentials = 'pod' in access || 'kubeconfigFile' in access
  if (!hasCredentials || access.apiUrl === undefined || !isReadOnTheWay(access.apiUrl)) return []
  return [`flag -kube-api-url: credentials are sent unencrypted to ${access.apiUrl}`]
}

/** Whether a URL is unencrypted, and not of this host. */
function isReadOnTheWay(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !isLoopback(hostname)
}

const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
