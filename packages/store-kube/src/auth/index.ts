/** How to reach the API server and authenticate there: kubeconfigs, tokens, certificates, plugins. */

export {
  type KubeAccess,
  type KubeConfigAccess,
  type KubeDiscoveryAccess,
  type KubeUrlAccess,
  type PodEnvironment,
  podAccess,
} from './access.js'
export type { Connection, Connector, ShowWait } from './connector.js'
export { connectorFor } from './connectors.js'
export { HttpAgentCache, TCP_KEEPALIVE_MS } from './http-agent-cache.js'
