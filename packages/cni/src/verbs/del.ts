import { attachmentOf } from '../protocol/call.js'
import { CniError } from '../protocol/error.js'
import { type Call, configToUndo, delegate, keptConfigs } from './call.js'

/**
 * Undoes an ADD. A runtime calls it for what has failed, is half there or is gone already, and it succeeds then, since
 * nothing remains to be done. It fails if the delegate does, with the config that ADD kept: the runtime tries again.
 */
export async function del(call: Call): Promise<string> {
  const attachment = attachmentOf(call.env, 'DEL')
  const configs = keptConfigs(call)
  const kept = await configs.read(attachment, call.config.name)
  if (kept.type === 'config') {
    await delegate(call, kept.config)
    await configs.remove(kept)
    return ''
  }
  if (kept.type === 'broken') call.log(`${kept.path} is of no use, and removed: ${kept.why}`)
  // The network config says nearly the same; an address and an interface that are left would be there for good.
  await delegate(call, await configToUndo(call)).catch((error: unknown) => {
    call.log(`nothing is known of this attachment, and undoing it failed: ${CniError.from(error).message}`)
  })
  if (kept.type === 'broken') await configs.remove(kept)
  return ''
}
