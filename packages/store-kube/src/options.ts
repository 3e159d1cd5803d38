import type { Clock, OverlayError, PublicAddresses, Random } from '@selvedge/core'
import {
  anything,
  callback,
  checkOptions,
  clockShape,
  either,
  listOf,
  number,
  oneOf,
  path,
  record,
  required,
  text,
} from '@selvedge/core/kit'
import type { KubeAccess } from './auth/index.js'
import type { PodReference } from './client/index.js'

/** Which API server, which node, and where the network config is. */
export interface KubeSubnetManagerOptions {
  /** How to reach the API server. */
  readonly access: KubeAccess
  /** The name of this node's Node object, or a pod on it, whose `spec.nodeName` says it (needs `get` of pods). */
  readonly node: string | PodReference
  /** The network config, as JSON text or as an object. Default: the content of `networkConfigFile`. */
  readonly networkConfig?: string | object | undefined
  /**
   * The file with the network config. It is read each time the config is asked for, and waited for if it does not exist.
   * Default: `/etc/kube-flannel/net-conf.json`, where flannel's manifests mount it.
   */
  readonly networkConfigFile?: string | undefined
  /** The prefix of the annotations' names. Default: `flannel.alpha.coreos.com`. */
  readonly annotationPrefix?: string | undefined
  /**
   * Where a watch's first list comes from. `cached`, the default: from the API server's memory, as with every kubelet. It
   * may lag behind other nodes' writes by milliseconds, and the watch catches up; it never lags behind this manager's
   * own. `quorum`: from etcd, which is a burden when all nodes of a large cluster restart at once.
   */
  readonly firstList?: 'cached' | 'quorum' | undefined
  /**
   * IP addresses at which the API server is reached besides those that the store learns: no peer's subnet may contain
   * one. It learns those of its URL and of its connections, and the one that the API server advertises. Default:
   * none.
   */
  readonly addresses?: readonly string[] | undefined
  /** How long the API server may be silent on a request, in ms, before the request fails. Default 10,000. */
  readonly requestTimeoutMs?: number | undefined
  /**
   * How long a watch may be silent, in ms, before it is restarted. Default 90,000. If nothing happens to any node, a
   * watch is silent; the server has failed only if it does not start the new one within `requestTimeoutMs`. A dead host is
   * found sooner, by TCP keepalive after 25 s.
   */
  readonly watchTimeoutMs?: number | undefined
  /** Called once with something invalid in the network config that has no effect on Kubernetes. */
  readonly onWarning?: ((message: string) => void) | undefined
  /** Called when `status` changes in anything but its times and counters. */
  readonly onStatus?: ((status: KubeStatus) => void) | undefined
  /**
   * Called when a watch is cut, as balancers do with idle connections, or falls silent: it is restarted at once, and
   * nothing is missed. For a debug log.
   */
  readonly onWatchCut?: ((error: OverlayError) => void) | undefined
  /** Called with what is not as expected and does no harm. For a debug log. */
  readonly onDetail?: ((message: string) => void) | undefined
  /**
   * Called with the token or password that requests bear, before the first that bears it, and when it was rotated: what a
   * log must not contain, whoever writes it there. Messages of this store's own contain none.
   */
  readonly onSecrets?: ((secrets: readonly string[]) => void) | undefined
  /**
   * Called by a watch with the result of `nodeAddresses`, at its start and when an operator changes it: an overlay that
   * chose its interface by other addresses should be restarted.
   */
  readonly onNodeAddresses?: ((addresses: PublicAddresses) => void) | undefined
  /** Default: the system's. For tests. */
  readonly clock?: Clock | undefined
  /** Default: `Math.random`. For tests. */
  readonly random?: Random | undefined
}

/** Throws a TypeError for an option that is missing, does not exist or is of another type. */
export function checkKubeOptions(options: KubeSubnetManagerOptions): void {
  checkOptions<KubeSubnetManagerOptions>('new KubeSubnetManager()', options, {
    access: required(record),
    node: required(either(text, record)),
    networkConfig: anything,
    networkConfigFile: path,
    annotationPrefix: text,
    firstList: oneOf('cached', 'quorum'),
    addresses: listOf(text),
    requestTimeoutMs: number,
    watchTimeoutMs: number,
    onWarning: callback,
    onStatus: callback,
    onWatchCut: callback,
    onDetail: callback,
    onSecrets: callback,
    onNodeAddresses: callback,
    clock: clockShape,
    random: callback,
  })
}

/** For health checks and metrics. */
export interface KubeStatus {
  /** What a pending call waits for. */
  readonly waitingFor: KubeWait | undefined
  /** When the API server last sent anything, if only that nothing had changed, in ms since the epoch. */
  readonly asOf: number | undefined
  /** Why nothing more arrives; undefined while all is well. */
  readonly error: OverlayError | undefined
  /** The number of requests so far: lists (each page counts), watches, patches of the node. */
  readonly lists: number
  /** Requests for a watch. */
  readonly watches: number
  /** Requests that patch the node. */
  readonly patches: number
}

/** What a pending call waits for, and since when. */
export interface KubeWait {
  /**
   * `network-config`: the file does not exist. `node`: no Node of this name has registered. `pod-cidr`: it has no PodCIDR
   * yet, which the controller manager assigns (`--allocate-node-cidrs`). `credentials`: a kubeconfig's plugin is running.
   */
  readonly type: 'network-config' | 'node' | 'pod-cidr' | 'credentials'
  /** A sentence for an operator. */
  readonly message: string
  /** In ms since the epoch. */
  readonly since: number
}
