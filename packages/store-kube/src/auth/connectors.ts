import type { KubeAccess } from './access.js'
import type { Connector, ShowWait } from './connector.js'
import { DiscoveryConnector } from './discovery.js'
import { KubeconfigConnector } from './kubeconfig-connector.js'
import { TargetConnector, targetOf } from './target-connector.js'

/** The connector for an access. Reads nothing yet. Throws an OverlayError `INVALID_CONFIG` for an invalid one. */
export function connectorFor(access: KubeAccess, showWait: ShowWait = (_, work) => work()): Connector {
  if ('discover' in access) return new DiscoveryConnector(showWait)
  if ('kubeconfigFile' in access) return new KubeconfigConnector(access, showWait)
  return new TargetConnector(targetOf(access), showWait)
}
