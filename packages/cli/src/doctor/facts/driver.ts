import { interfaceChoices } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { linux } from '@selvedge/dataplane-linux'

/** What the kernel and the routes answer to an agent that starts with these flags, or say to the one that runs. */
export interface DriverFact {
  /** Why it has no links of the type that the backend needs; undefined if it has them, or needs none. */
  readonly unsupported: string | undefined
  /** Why links and routes cannot be changed; undefined if they can. */
  readonly denied: string | undefined
  /** The interface to peers, which an agent that runs has found, or why none is found. */
  readonly external: { readonly name: string } | { readonly problem: string }
}

/** The link type that a backend cannot do without; wireguard can, by wireguard-go. */
const LINK_TYPES: Readonly<Record<string, string>> = { vxlan: 'vxlan', ipip: 'ipip' }

/** @param inUse the interface that an agent that runs goes by: the flags of this command need not be that agent's */
export async function driverFact(
  settings: AgentSettings,
  { backend, inUse }: { readonly backend: string | undefined; readonly inUse: string | undefined },
  signal: AbortSignal,
): Promise<DriverFact> {
  const driver = linux({ interface: interfaceChoices(settings) })
  try {
    const denied = await whyNot(() => driver.preflight?.([], { signal }))
    const type = LINK_TYPES[backend ?? '']
    const unsupported =
      type === undefined || denied !== undefined
        ? undefined
        : await whyNot(() => driver.preflight?.([type], { signal }))
    if (inUse !== undefined) return { unsupported, denied, external: { name: inUse } }
    let external: DriverFact['external'] = { problem: '' }
    const problem = await whyNot(async () => {
      const found = await driver.externalInterface?.({ signal })
      if (found !== undefined) external = { name: found.name }
    })
    return { unsupported, denied, external: problem === undefined ? external : { problem } }
  } finally {
    await driver[Symbol.asyncDispose]()
  }
}

async function whyNot(body: () => Promise<unknown> | undefined): Promise<string | undefined> {
  try {
    await body()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
