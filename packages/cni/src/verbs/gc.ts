import type { JsonObject, ValidAttachment } from '../config/plugin-config.js'
import { runPlugin } from '../delegate/run-plugin.js'
import { allocations } from '../node/host-local.js'
import type { Environment } from '../protocol/call.js'
import { CNI_CODE, CniError } from '../protocol/error.js'
import { type Call, configToUndo, delegate, isKnownToDelegate, keptConfigs } from './call.js'

/**
 * Undoes what is left of attachments that the runtime does not list, after a reboot or a crash: first those whose config
 * ADD kept, then addresses that host-local still holds for them, then whatever the delegate finds. One that fails stops no
 * other.
 */
export async function gc(call: Call): Promise<string> {
  const { config } = call
  const { validAttachments } = config
  if (validAttachments === undefined) {
    // Taking it for an empty list would cut every container off.
    throw new CniError(
      CNI_CODE.invalidConfig,
      "GC needs the list 'cni.dev/valid-attachments' in the network config",
    )
  }
  const valid = new ValidAttachments(validAttachments)
  const failures: string[] = []
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      failures.push(`${what}: ${CniError.from(error).message}`)
    }
  }

  const configs = keptConfigs(call)
  for (const { containerId, ifName, kept } of await configs.list(config.name)) {
    if (valid.has(containerId, ifName)) continue
    if (kept.type === 'broken') {
      await attempt(kept.path, () => configs.removeIfOld(kept))
      continue
    }
    await attempt(`container ${containerId}`, async () => {
      const env = delEnvironment(call.env, { containerId, ifName: ifName ?? 'eth0' })
      await runPlugin(kept.config.type, kept.config, env)
      await configs.remove(kept)
    })
  }

  const delegated = await configToUndo(call)
  const { ipam } = delegated
  if (ipam.type === 'host-local') {
    for (const { address, containerId, ifName } of await allocations(ipam, config.name)) {
      if (valid.has(containerId, ifName === '' ? undefined : ifName)) continue
      await attempt(`address ${address}`, () => release(call, ipam, { containerId, ifName }))
    }
  }
  await attempt(`plugin ${delegated.type}`, async () => {
    // One that does not know GC keeps nothing that DEL would not have undone.
    if (!(await isKnownToDelegate(call, delegated))) return
    await delegate(call, delegated, { 'cni.dev/valid-attachments': listed(validAttachments) })
  })
  if (failures.length === 0) return ''
  throw new CniError(
    CNI_CODE.internal,
    `of what is left of former attachments, some remains: ${failures.join('; ')}`,
  )
}

class ValidAttachments {
  readonly #ifNames = new Map<string, Set<string>>()

  constructor(attachments: readonly ValidAttachment[]) {
    for (const { containerId, ifName } of attachments) {
      const names = this.#ifNames.get(containerId) ?? new Set()
      this.#ifNames.set(containerId, names.add(ifName))
    }
  }

  /** @param ifName undefined if it is not known: then any attachment of the container counts */
  has(containerId: string, ifName: string | undefined): boolean {
    const names = this.#ifNames.get(containerId)
    return names !== undefined && (ifName === undefined || names.has(ifName))
  }
}

const listed = (attachments: readonly ValidAttachment[]): readonly JsonObject[] =>
  attachments.map(({ containerId, ifName }) => ({ containerID: containerId, ifname: ifName }))

/** Without a namespace, as for a container that is gone. */
const delEnvironment = (env: Environment, { containerId, ifName }: ValidAttachment): Environment => ({
  ...env,
  CNI_COMMAND: 'DEL',
  CNI_CONTAINERID: containerId,
  CNI_IFNAME: ifName,
  CNI_NETNS: '',
})

/** A version that every host-local of the last years knows: what DEL needs has been the same in all. */
const RELEASE_VERSION = '0.4.0'

/** By host-local itself: it alone holds the lock of its files. */
async function release({ env, config }: Call, ipam: JsonObject, attachment: ValidAttachment): Promise<void> {
  const { containerId, ifName } = attachment
  const asked = { cniVersion: RELEASE_VERSION, name: config.name, type: 'host-local', ipam }
  await runPlugin(
    'host-local',
    asked,
    delEnvironment(env, { containerId, ifName: ifName === '' ? 'eth0' : ifName }),
  )
}
