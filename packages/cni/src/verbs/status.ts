import { delegateConfig } from '../config/delegate-config.js'
import { versionOf } from '../config/plugin-config.js'
import { askAgent } from '../node/agent.js'
import { addressesInUse, capacityOf } from '../node/host-local.js'
import { CNI_CODE, CniError } from '../protocol/error.js'
import { type Call, delegate, isKnownToDelegate, nodeOf } from './call.js'

/**
 * Whether an ADD would succeed now: rejects with 50 if not, with 51 if those that are attached may not reach everything
 * either. An agent that does not answer says nothing of that: flanneld has no control socket, and while an agent is
 * restarted, traffic flows and containers can be attached.
 */
export async function status(call: Call): Promise<string> {
  const { config } = call
  const node = await nodeOf(call).catch((error) => {
    throw new CniError(CNI_CODE.notAvailable, CniError.from(error).message, { cause: error })
  })
  const agent = await askAgent(config.agentSocket)
  if (agent.type === 'not-ready') {
    throw new CniError(CNI_CODE.limitedConnectivity, `the agent is not ready: ${agent.why}`)
  }
  const delegated = delegateConfig(config, node)
  if (delegated.ipam.type === 'host-local') {
    const inUse = await addressesInUse(delegated.ipam, config.name)
    requireFreeAddress(node.subnets, inUse.filter((address) => !address.includes(':')).length)
    requireFreeAddress(node.ipv6Subnets, inUse.filter((address) => address.includes(':')).length)
  }
  return delegate(call, delegated).catch(async (error) => {
    if (await isKnownToDelegate(call, delegated)) throw error
    throw new CniError(
      CNI_CODE.notAvailable,
      `plugin ${delegated.type} does not know CNI version ${versionOf(config)}, in which the network config is written: ` +
        'name an older one there, or replace the plugin',
      { cause: error },
    )
  })
}

function requireFreeAddress(subnets: readonly string[], inUse: number): void {
  if (subnets.length === 0) return
  let capacity = 0
  for (const subnet of subnets) {
    const own = capacityOf(subnet)
    if (own === undefined) return
    capacity += own
  }
  if (inUse < capacity) return
  throw new CniError(
    CNI_CODE.notAvailable,
    `no address is free: containers use all ${capacity} of ${subnets.join(', ')}, or have been removed without a DEL, ` +
      'which GC puts right',
  )
}
