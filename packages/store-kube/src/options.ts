import type { Clock, OverlayError, PublicAddresses, Random } from '@selvedge/core'
import type { KubeAccess } from './auth/access.js'

export interface KubeSubnetManagerOptions {
  /** How the API server is reached. */
  readonly access: KubeAccess
  /** The name of this node's Node object, or the pod that tells it by its `spec.nodeName` (needs `get` of pods). */
  readonly node: string | PodReference
  /** The network config, as JSON text or as an object. Default: what `networkConfigFile` holds. */
  readonly networkConfig?: string | object | undefined
  /**
   * Holds the network config; read whenever it is asked for, and waited for where it is missing. Default:
   * `/etc/kube-flannel/net-conf.json`, where flannel's manifests mount it.
   */
  readonly networkConfigFile?: string | undefined
  /** What the annotations' names begin with. Default: `flannel.alpha.coreos.com`. */
  readonly annotationPrefix?: string | undefined
  /**
   * Where a watch's first list comes from. `cached`, the default: from the API server's memory, as with every kubelet;
   * it may lag behind other nodes' writes by milliseconds, which the watch then tells, and never behind this manager's
   * own. `quorum`: from etcd, which a large cluster that restarts all its nodes at once would feel.
   */
  readonly firstList?: 'cached' | 'quorum' | undefined
  /** How long the API server may keep silent on a request, in ms, before it has failed. Default 10,000. */
  readonly requestTimeout?: number | undefined
  /**
   * How long a watch may be silent, in ms, before it is begun anew. Default 90,000. Where nothing happens to any node it
   * is silent for longer than that; the server has failed where it does not begin the new one within `requestTimeout`.
   * A dead host is found sooner, by TCP keepalive after 25 s.
   */
  readonly watchTimeout?: number | undefined
  /** Called whenever `status` says something else than before, its times apart. */
  readonly onStatus?: ((status: KubeStatus) => void) | undefined
  /**
   * Called by a watch with what `nodeAddresses` would tell, at its begin and whenever people have changed it since: an
   * overlay that chose its interface by other addresses should be made anew.
   */
  readonly onNodeAddresses?: ((addresses: PublicAddresses) => void) | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

export interface PodReference {
  readonly podName: string
  readonly podNamespace: string
}

/** For health checks and metrics. */
export interface KubeStatus {
  /** What a call under way cannot go on without. */
  readonly waitingFor: KubeWait | undefined
  /** When the API server last told anything, if only that nothing had changed, in ms since the epoch. */
  readonly asOf: number | undefined
  /** What keeps it from telling more; undefined while it is well. */
  readonly error: OverlayError | undefined
  /** Requests so far: lists (pages count), watches begun, patches of the node. */
  readonly lists: number
  readonly watches: number
  readonly patches: number
}

export interface KubeWait {
  /**
   * `network-config`: the file is not there. `node`: no Node of this name has registered. `pod-cidr`: it has no PodCIDR
   * yet, which the controller manager gives it (`--allocate-node-cidrs`).
   */
  readonly type: 'network-config' | 'node' | 'pod-cidr'
  /** A sentence for people. */
  readonly message: string
  /** In ms since the epoch. */
  readonly since: number
}
