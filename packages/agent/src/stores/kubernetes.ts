import { parseAddress } from '@selvedge/core/kit'
import { type KubeAccess, type KubeStatus, KubeSubnetManager, podAccess } from '@selvedge/store-kube'
import type { KubeSettings } from '../command-line/kube-settings.js'
import type { OpenStore, StoreEvents } from './store.js'

export function openKubernetes(
  settings: KubeSettings,
  { onWaiting, onNodeAddresses, onSecrets, onWarning, onDetail }: StoreEvents,
): OpenStore {
  const { node, networkConfigFile, annotationPrefix, setNetworkUnavailable } = settings
  const access = accessOf(settings)
  let reported: string | undefined
  const subnets = new KubeSubnetManager({
    access,
    node,
    networkConfigFile,
    annotationPrefix,
    addresses: serviceAddresses(settings),
    onStatus: (status) => {
      const message = whyWaiting(status)
      if (message === reported) return
      reported = message
      onWaiting(status.waitingFor && { for: status.waitingFor.type, message: message ?? '' })
    },
    onNodeAddresses,
    onSecrets,
    onWarning,
    onWatchCut: ({ message }) => onDetail(`a watch was cut, and is restarted at once: ${message}`),
    onDetail,
  })
  return {
    subnets,
    identity: `kubernetes ${whereOf(access)} ${annotationPrefix}`,
    nodeAddresses: (options) => subnets.nodeAddresses(options),
    inspectRecord: (attributes, options) => subnets.inspectRecord(attributes, options),
    reportNetwork: setNetworkUnavailable
      ? (why, options) =>
          why === undefined
            ? subnets.reportNetworkAvailable(options)
            : subnets.reportNetworkUnavailable(why, options)
      : undefined,
    reportPending: setNetworkUnavailable ? (options) => subnets.networkAvailableChange(options) : undefined,
  }
}

/** What the store waits for, and what may keep it from noticing. */
function whyWaiting({ waitingFor, error }: KubeStatus): string | undefined {
  return waitingFor && [waitingFor.message, ...(error === undefined ? [] : [error.message])].join('; but ')
}

function accessOf({ access }: KubeSettings): KubeAccess {
  if (!('pod' in access)) return access
  const own = podAccess(access.pod)
  return { ...own, apiUrl: access.apiUrl ?? own.apiUrl }
}

/** A pod reaches the API server at the service's address too, whatever URL is given to this agent. */
function serviceAddresses({ access }: KubeSettings): readonly string[] {
  return 'pod' in access && parseAddress(access.pod.host) !== undefined ? [access.pod.host] : []
}

function whereOf(access: KubeAccess): string {
  if ('kubeconfigFile' in access) return access.apiUrl ?? access.kubeconfigFile
  return 'apiUrl' in access ? access.apiUrl : 'found by discovery'
}
