import { type AbortOptions, isOverlayError, type NodeContext } from '@selvedge/core'
import { isJsonObject, systemClock } from '@selvedge/core/kit'
import type { TencentVpcParts } from '../backend.js'
import type { TencentVpcOptions } from '../options.js'
import type { TencentVpcSettings } from '../settings.js'
import { VpcApi } from './api.js'
import { type CredentialSource, fixedCredentials, InstanceRole } from './credentials.js'
import { RouteTableDriver } from './driver.js'
import { Metadata, readInstance } from './metadata.js'
import { chosenTables, type RouteTable, readRouteTables } from './route-table.js'

export interface ConnectOptions extends TencentVpcOptions, AbortOptions {
  readonly settings: TencentVpcSettings
  /** The private address of the instance. */
  readonly gateway: string
  readonly context: NodeContext
}

/** Finds out where this instance runs and which tables its route belongs in, and changes nothing. */
export async function connect(options: ConnectOptions): Promise<TencentVpcParts> {
  const {
    settings,
    gateway,
    context,
    signal,
    pollMs,
    timeoutMs,
    clock = systemClock,
    random = Math.random,
  } = options
  const metadata = new Metadata({ url: options.metadataUrl, timeoutMs, clock, random })
  const { macAddress } = context.externalInterface
  const instance = await readInstance(metadata, { macAddress, signal })
  const api = new VpcApi({
    credentials: credentialsOf(options, metadata),
    region: settings.region ?? instance.region,
    endpoint: settings.endpoint ?? options.endpoint,
    timeoutMs,
    clock,
    random,
  })
  const choice = { routeTables: settings.routeTables, subnet: instance.subnet, vpc: instance.vpc }
  const chosen = chosenTables(await readRouteTables(api, instance.vpc, { signal }), choice)
  const { quota, warnings } = await readQuota(api, chosen, signal)
  const identity = { instance: instance.id, address: gateway }
  return {
    driver: () =>
      new RouteTableDriver({
        api,
        identity,
        choice,
        quota,
        pollMs: settings.pollMs ?? pollMs,
        clock,
        random,
      }),
    warnings,
  }
}

function credentialsOf(
  { settings, credentials, clock = systemClock }: ConnectOptions,
  metadata: Metadata,
): CredentialSource {
  if (settings.credentials !== undefined) return fixedCredentials(settings.credentials, 'the network config')
  if (credentials !== undefined) return fixedCredentials(credentials, "the agent's environment or options")
  return new InstanceRole(metadata, clock)
}

/** As the API names it. */
const QUOTA = 'route-table-max-policies'
/** A warning is due from here on. */
const NEARLY_FULL = 0.8

/** How many routes a table may hold, and a sentence for each that is nearly full. */
async function readQuota(
  api: VpcApi,
  tables: readonly RouteTable[],
  signal: AbortSignal | undefined,
): Promise<{ quota?: number | undefined; warnings: readonly string[] }> {
  try {
    const { VpcLimitSet: limits } = await api.read('DescribeVpcLimits', { LimitTypes: [QUOTA] }, { signal })
    const found = (Array.isArray(limits) ? limits : []).find(
      (one) => isJsonObject(one) && one.LimitType === QUOTA,
    )
    const quota: unknown = found?.LimitValue
    if (typeof quota !== 'number' || quota <= 0) return { warnings: [] }
    const full = tables.filter(({ routes }) => routes.length >= quota * NEARLY_FULL)
    return {
      quota,
      warnings: full.map(
        ({ id, routes }) =>
          `route table ${id} holds ${routes.length} of at most ${quota} routes, and every node needs one: ` +
          'ask Tencent for a larger quota before nodes cannot join',
      ),
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (!isOverlayError(error)) throw error
    return { warnings: [`how many routes a table may hold is not known: ${error.message}`] }
  }
}
