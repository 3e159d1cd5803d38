import { type Backend, requirementsOf } from '../contract/backend.js'
import { type BackendLoader, loadBackend } from '../contract/backend-loader.js'
import type { Driver } from '../contract/driver.js'
import type { ChosenInterface, NodeContext } from '../contract/node-context.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { awaitUplink, isWithoutUplink, requireUplink } from './awaited-uplink.js'
import { chooseBackend, isList, knownRequirements } from './choose-backend.js'
import { reachingStore, type StoreAccess } from './cut-off.js'
import {
  type FoundInterface,
  findExternalInterface,
  givenInterface,
  isAt,
  nodeContext,
  withUsedFamilies,
} from './external-interface.js'
import { localWarnings } from './local-resources.js'
import type { OverlayNodeOptions } from './node-options.js'
import { blockPlainRoutes, type PlainRoutes } from './plain-routes.js'
import { earlierSubnets } from './previous-node.js'

/** What a node is composed of once its network is known. */
export interface PreparedNode {
  readonly backend: Backend
  /** What hold what other backends have left. */
  readonly leftovers: readonly Driver[]
  /** The external interface, and who says so. */
  readonly found: FoundInterface
  readonly context: NodeContext
}

/**
 * Reads the network config and finds the external interface: what has to be known before anything is changed.
 * @throws whatever stands in the way of that
 */
export async function prepareNode(options: OverlayNodeOptions, signal: AbortSignal): Promise<PreparedNode> {
  const { subnets, backends, parts, observer } = options
  observer.waiting('the drivers')
  const checked = [...knownRequirements(backends), ...parts.flatMap(({ requires = [] }) => requires)]
  await preflight(options, checked, signal)
  const awaited = `the network config from ${subnets.name}`
  observer.waiting(awaited)
  const onWaiting = (why: OverlayError): void => observer.waiting(awaited, why)
  const asked = subnets.getNetworkConfig({ signal, onWaiting })
  const config = await reachingStore(asked, storeAccess(options), signal)
  observer.config({ type: 'read', config, differences: [] })
  for (const key of config.unknownKeys) {
    observer.warning(`the network config's key '${key}' means nothing and is ignored: is it mistyped?`)
  }
  for (const warning of subnets.warnings?.() ?? []) observer.warning(warning)
  const chosen = chooseBackend(config, backends)
  try {
    return await prepareBackend(chosen, config, checked, options, signal)
  } catch (error) {
    await blockPlainRoutes(plainRoutes(options, config, chosen), { signal })
    throw error
  }
}

async function prepareBackend(
  chosen: Backend | BackendLoader,
  config: NetworkConfig,
  checked: readonly string[],
  options: OverlayNodeOptions,
  signal: AbortSignal,
): Promise<PreparedNode> {
  const { parts, observer } = options
  observer.waiting('the external interface')
  const found = await findInterface(options, config, signal)
  const context = nodeContext(config, found, options)
  if ('load' in chosen) observer.waiting(`the backend ${chosen.type}`)
  const backend = await loadBackend(chosen, context, { signal })
  const unchecked = requirementsOf(backend, config).filter((requirement) => !checked.includes(requirement))
  if (unchecked.length > 0) await preflight(options, unchecked, signal)
  for (const warning of localWarnings(backend, parts, context)) observer.warning(warning)
  return { backend, leftovers: await leftoversOf(options, chosen, context, signal), found, context }
}

/** Nothing is to come of what is there: it need not be watched. */
const unwatched = (driver: Driver): Driver => ({
  name: driver.name,
  kinds: driver.kinds,
  snapshot: (scope, options) => driver.snapshot(scope, options),
  apply: (operations, options) => driver.apply(operations, options),
  [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
})

/** A backend that cannot say what it has left does not keep another from starting. */
async function leftoversOf(
  { backends, observer }: OverlayNodeOptions,
  chosen: Backend | BackendLoader,
  context: NodeContext,
  signal: AbortSignal,
): Promise<readonly Driver[]> {
  const others = isList(backends) ? backends.filter((backend) => backend !== chosen) : []
  const leftovers: Driver[] = []
  for (const other of others) {
    if (!('load' in other)) continue
    try {
      leftovers.push(...((await other.leftovers?.(context, { signal })) ?? []).map(unwatched))
    } catch (error) {
      signal.throwIfAborted()
      observer.error(
        OverlayError.from(error, 'INTERNAL', `looking for what the backend ${other.type} has left`),
      )
    }
  }
  return leftovers
}

/** The one that the caller names, or that this node had before, or else the best; if there is none, the one to wait for. */
async function findInterface(
  options: OverlayNodeOptions,
  config: NetworkConfig,
  signal: AbortSignal,
): Promise<FoundInterface> {
  const { externalInterface: given, former, previous } = options
  if (given !== undefined) return givenInterface(given)
  const before = former?.found.externalInterface ?? previous?.externalInterface
  try {
    const found = await findPresentInterface(options, config, signal)
    requireUplink(found.externalInterface, before, config)
    return found
  } catch (thrown) {
    if (signal.aborted || !isOverlayError(thrown) || !isWithoutUplink(thrown)) throw thrown
    const subnets = former?.lease ?? earlierSubnets(previous)
    const awaited = awaitUplink({ externalInterface: before, subnets }, config, thrown.message)
    if (awaited === undefined) throw thrown
    return awaited
  }
}

async function findPresentInterface(
  { drivers, former, previous }: OverlayNodeOptions,
  config: NetworkConfig,
  signal: AbortSignal,
): Promise<FoundInterface> {
  const used = <Found extends ChosenInterface>(before: Found | undefined): Found | undefined =>
    before && withUsedFamilies(before, config)
  const current = former?.found.awaited === undefined ? used(former?.found.externalInterface) : undefined
  const found = await findExternalInterface(drivers, {
    signal,
    current,
    previous: used(previous?.externalInterface),
  })
  if (former === undefined || current === undefined || !isAt(found.externalInterface, current)) return found
  return { ...found, origin: former.found.origin }
}

/** What reaching the store takes. */
export function storeAccess(options: OverlayNodeOptions): StoreAccess {
  const { subnets, drivers, clock, observer } = options
  return {
    subnets,
    drivers,
    networks: formerNetworks(options),
    clock,
    onWarning: (text) => observer.warning(text),
    onError: (error) => observer.error(error),
  }
}

/** What blocking a network's plain routes takes. */
export function plainRoutes(
  options: OverlayNodeOptions,
  config: NetworkConfig,
  backend: Backend | BackendLoader,
): PlainRoutes {
  const { drivers, previous, former, observer } = options
  return {
    config,
    backend,
    drivers,
    formerNetworks: formerNetworks(options),
    subnets: [previous?.subnet, previous?.ipv6Subnet, former?.lease.subnet, former?.lease.ipv6Subnet],
    onWarning: (text) => observer.warning(text),
    onError: (error) => observer.error(error),
  }
}

/** What this node served before: in an earlier run, or under another config. */
export function formerNetworks({ previous, former }: OverlayNodeOptions): readonly string[] {
  const networks = [previous?.network, previous?.ipv6Network, ...(former?.networks ?? [])]
  return [...new Set(networks.filter((network) => network !== undefined))]
}

/** Finds out, before anything is changed, whether the drivers may and can do what will be asked of them. */
async function preflight(
  { drivers, observer }: OverlayNodeOptions,
  requirements: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const driver of drivers) {
    const warnings = await driver.preflight?.(requirements, { signal })
    for (const warning of warnings ?? []) observer.warning(warning)
  }
}
