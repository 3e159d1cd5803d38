import { type KubeAccess, type KubeStatus, KubeSubnetManager, podAccess } from '@selvedge/store-kube'
import type { KubeSettings } from '../command-line/kube-settings.js'
import type { OpenStore, StoreEvents } from './store.js'

export function openKubernetes(settings: KubeSettings, { onWaiting }: StoreEvents): OpenStore {
  const { node, networkConfigFile, annotationPrefix, setNetworkUnavailable } = settings
  const access = accessOf(settings)
  let waited: KubeStatus['waitingFor']
  const subnets = new KubeSubnetManager({
    access,
    node,
    networkConfigFile,
    annotationPrefix,
    onStatus: ({ waitingFor }) => {
      if (waitingFor !== undefined && waitingFor !== waited) onWaiting({ message: waitingFor.message })
      waited = waitingFor
    },
  })
  return {
    subnets,
    identity: `kubernetes ${whereOf(access)} ${annotationPrefix}`,
    nodeAddresses: (options) => subnets.nodeAddresses(options),
    reportUp: setNetworkUnavailable ? (options) => subnets.reportNetworkAvailable(options) : undefined,
  }
}

function accessOf({ access }: KubeSettings): KubeAccess {
  if (!('pod' in access)) return access
  const own = podAccess(access.pod)
  return { ...own, apiUrl: access.apiUrl ?? own.apiUrl }
}

function whereOf(access: KubeAccess): string {
  if ('kubeconfigFile' in access) return access.apiUrl ?? access.kubeconfigFile
  return 'apiUrl' in access ? access.apiUrl : 'found by discovery'
}
