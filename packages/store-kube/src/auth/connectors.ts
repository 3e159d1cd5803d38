import type { KubeAccess } from './access.js'
import type { Connector } from './connector.js'
import { HttpAgentCache } from './http-agent-cache.js'
import { DiscoveryConnector, KubeconfigConnector } from './kubeconfig-connector.js'
import { TargetConnector, targetOf } from './target-connector.js'

/** The connector for an access. Reads nothing yet. Throws an OverlayError `INVALID_CONFIG` for an invalid one. */
export function connectorFor(access: KubeAccess): Connector {
  if ('discover' in access) return new DiscoveryConnector(access)
  if ('kubeconfigFile' in access) return new KubeconfigConnector(access)
  return new TargetConnector(targetOf(access), new HttpAgentCache())
}
