import { delegateConfig } from '../config/delegate-config.js'
import { attachmentOf } from '../protocol/call.js'
import { type Call, delegate, keptConfigs, nodeOf } from './call.js'

/**
 * Attaches a container to the network: resolves with the delegate's result. What the delegate gets is kept before it is
 * run, so that whatever happens then, DEL and GC know what there may be to undo.
 */
export async function add(call: Call): Promise<string> {
  const attachment = attachmentOf(call.env, 'ADD')
  const node = await nodeOf(call)
  const config = delegateConfig(call.config, node)
  await keptConfigs(call).save(attachment, config)
  return delegate(call, config)
}
