import type { Backend } from '../contract/backend.js'
import type { BackendLoader } from '../contract/backend-loader.js'
import type { Driver } from '../contract/driver.js'
import type { ChosenInterface, ExternalInterface } from '../contract/node-context.js'
import type { Part } from '../contract/part.js'
import type { SubnetManager } from '../contract/subnet-manager.js'
import type { Lease } from '../lease/lease.js'
import type { SubnetEnv } from '../lease/subnet-env.js'
import { type FamilyParts, IPV4_PARTS, IPV6_PARTS } from '../net/address-family.js'
import { formatAddress, parseAddress } from '../net/ip.js'
import { whyNoHostAddress } from '../net/special-networks.js'
import type { AbortOptions } from '../util/abort.js'
import {
  callback,
  checkOptions,
  clockShape,
  listOf,
  number,
  record,
  required,
  type Shape,
  type Shapes,
  text,
  withMethods,
} from '../util/check-options.js'
import type { Clock, Random } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import type { BackendChoice } from './choose-backend.js'

/** What an overlay is composed of: a store, a backend, and the drivers that carry out what it requires. */
export interface OverlayOptions {
  /** Where leases come from. The overlay disposes of it when it stops. */
  readonly subnets: SubnetManager
  /** How packets travel. Give this or `backends`; a network whose config names another type is refused. */
  readonly backend?: Backend | BackendLoader | undefined
  /**
   * The backends to choose from by the network config's `Backend.Type`, whatever its case; a config without a Backend
   * section means `udp`, as with flannel. One may be a loader, which is called only if the config names its type.
   */
  readonly backends?: readonly (Backend | BackendLoader)[] | undefined
  /** What this node needs besides its backend, whatever its peers. Default: nothing. */
  readonly parts?: readonly Part[] | undefined
  /** What holds the resources: one driver for each kind. The overlay disposes of them when it stops. */
  readonly drivers: readonly Driver[]
  /** The interface that packets to peers leave by. Default: the one that the first driver able to find one finds. */
  readonly externalInterface?: ExternalInterface | undefined
  /** The address at which peers reach this node. Default: the external interface's. */
  readonly publicIp?: string | undefined
  /** The same of IPv6. */
  readonly publicIpv6?: string | undefined
  /** What this node was before this start, as far as it is known: it stays that. */
  readonly previous?: PreviousNode | undefined
  /** How long before its end the lease is renewed, in ms. Default 3,600,000: flannel's 60 minutes. */
  readonly renewMarginMs?: number | undefined
  /** How often everything is read again though nothing seems to have changed, in ms. Default 60,000. */
  readonly resyncIntervalMs?: number | undefined
  /** Default: the system's. Tests give one that they advance. */
  readonly clock?: Clock | undefined
  /** Default: `Math.random`. Tests give a seeded one. */
  readonly random?: Random | undefined
}

/**
 * What a node was in an earlier run. What its subnet.env said: its subnets are taken again if they are free, and what that
 * run left of its networks on this host is removed. And what a program has kept besides.
 */
export interface PreviousNode extends Partial<SubnetEnv> {
  /**
   * `overlay.externalInterface`, as it was last. While it is up and bears its addresses, it is chosen again, whatever
   * better ones have come.
   */
  readonly externalInterface?: ChosenInterface | undefined
  /**
   * `overlay.lease`, as it was last. A node that comes back under another public address keeps its subnet by it, in a
   * store whose leases have versions, if nothing has written its record since. It counts if a link of this host has the
   * hardware address that the external interface had, so that a copy of this host's disk does not take this host's lease.
   *
   * With it, an overlay whose host has no uplink yet (`INTERFACE_NOT_FOUND`, `INTERFACE_UNSUITABLE`) starts as what this
   * node was, if the store, or the cache before it, gives the network config: see the event `uplink`.
   */
  readonly lease?: Lease | undefined
}

/** What `start` of an overlay is called with. */
export interface StartOptions extends AbortOptions {
  /**
   * Try again, after 0.5 to 30 s or as soon as an uplink comes to a host without one, for as long as it takes the store,
   * the external interface or a sound network config to be there. Each failure is an `error` event and a `retry` event.
   * Default false: the first failure rejects. Either way it rejects for what only an administrator can change: missing
   * rights or kernel features.
   */
  readonly retry?: boolean | undefined
}

/** What `stop` of an overlay is called with. */
export interface StopOptions extends AbortOptions {
  /** Remove all that is ours from the drivers. Default false: traffic goes on flowing. */
  readonly cleanup?: boolean | undefined
  /**
   * Give the lease back: for a node that leaves for good. Default false: a node that returns finds it again. A
   * reservation is kept. What the node wrote to holders that hosts share, such as a VPC's route table, is removed first.
   */
  readonly release?: boolean | undefined
}

const EXAMPLE = 'createOverlay({ subnets, backend: vxlan(), drivers: [linux()] })'

export interface ComposedOptions extends OverlayOptions {
  /** What `backend` or `backends` gave. */
  readonly choice: BackendChoice
}

const BACKEND: Shape = {
  rule: 'a Backend, such as vxlan()',
  accepts: (value) =>
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'type') === 'string',
}
const PART: Shape = {
  rule: 'Parts, each with a name and local()',
  accepts: (value) => withMethods('', 'local').accepts(value) && typeof Object(value).name === 'string',
}
const DRIVER = withMethods('Drivers', 'snapshot')

const SHAPES: Shapes<OverlayOptions> = {
  subnets: required(withMethods('a SubnetManager, such as new EtcdSubnetManager()', 'acquireLease')),
  backend: BACKEND,
  backends: listOf({ ...BACKEND, rule: 'Backends' }, '[vxlan(), hostGw()]'),
  parts: listOf(PART),
  drivers: required(listOf(DRIVER, '[linux()]')),
  externalInterface: record,
  publicIp: text,
  publicIpv6: text,
  previous: record,
  renewMarginMs: number,
  resyncIntervalMs: number,
  clock: clockShape,
  random: callback,
}

/**
 * The options, if they name all that an overlay is composed of; throws a TypeError that says what is missing. TypeScript
 * says most of it too: this is for JavaScript.
 */
export function requireOptions(options: OverlayOptions): ComposedOptions {
  checkOptions<OverlayOptions>('createOverlay()', options, SHAPES)
  const { backend, backends, drivers, externalInterface } = options
  if (backend !== undefined && backends !== undefined) {
    throw new TypeError('createOverlay() has both the options backend and backends: give one of them')
  }
  const choice = backend ?? backends
  if (choice === undefined || (Array.isArray(choice) && choice.length === 0)) {
    throw new TypeError(
      `createOverlay() has no backend: give the option backend or backends, as in ${EXAMPLE}`,
    )
  }
  if (drivers.length === 0 && externalInterface === undefined) {
    throw new TypeError(
      'the option drivers of createOverlay() is empty, so that nothing finds the external interface and holds what the ' +
        `backend requires: a driver is missing, as in ${EXAMPLE}`,
    )
  }
  for (const parts of [IPV4_PARTS, IPV6_PARTS]) requirePublicAddress(parts, options[parts.publicAddress])
  return { ...options, choice }
}

/**
 * Peers refuse an address at which no host can be, such as a loopback one, and no store would know this node's own lease
 * by an unspecified one.
 */
function requirePublicAddress({ publicAddress, family, name }: FamilyParts, given: string | undefined): void {
  if (given === undefined) return
  const address = parseAddress(given)
  const why = address?.family === family ? whyNoHostAddress(formatAddress(address)) : `no ${name} address`
  if (why === undefined) return
  throw new OverlayError(
    'INVALID_CONFIG',
    `the option ${publicAddress} is '${given}', which is ${why}: give the address at which peers reach this node, or ` +
      "leave it out to publish the external interface's",
  )
}
