import { parseSubnetEnvLists, type SubnetEnvLists } from '@selvedge/core/kit'
import { type DelegateConfig, delegateConfig } from '../config/delegate-config.js'
import { type JsonObject, type PluginConfig, versionOf } from '../config/plugin-config.js'
import { runPlugin, versionsOf } from '../delegate/run-plugin.js'
import { askAgent } from '../node/agent.js'
import { KeptConfigs } from '../node/kept-configs.js'
import { readNode } from '../node/subnet-env.js'
import type { Environment } from '../protocol/call.js'
import { CNI_CODE, CniError } from '../protocol/error.js'

/** What every verb is called with. */
export interface Call {
  readonly config: PluginConfig
  readonly env: Environment
  /** For people who look for the cause of something: a runtime puts it into its log. */
  readonly log: (text: string) => void
}

export const keptConfigs = ({ config }: Call): KeptConfigs => new KeptConfigs(config.dataDir)

/**
 * What ADD would send now, to undo what it may have sent before. Without a subnet.env it is what ADD would send with any:
 * host-local wants a range in its config, and releases an address by its container, whatever the range.
 */
export async function configToUndo({ config }: Call): Promise<DelegateConfig> {
  const node = await readNode(config.subnetFile).catch(() => parseSubnetEnvLists(ANY_SUBNET))
  return delegateConfig(config, node)
}

/** For documents, so that no node has it (RFC 5737). */
const ANY_SUBNET = 'FLANNEL_SUBNET=192.0.2.1/24'

/** Hands the call on to the plugin that does the work; resolves with its result as it is. */
export const delegate = ({ env }: Call, config: DelegateConfig, more: JsonObject = {}): Promise<string> =>
  runPlugin(config.type, { ...config, ...more }, env)

/**
 * Whether the delegate knows the version of CNI that the network config is written in, and with it STATUS and GC. One
 * that does not answers them with whatever it takes them for: old ones with "missing containerID".
 */
export async function isKnownToDelegate({ config, env }: Call, { type }: DelegateConfig): Promise<boolean> {
  const versions: readonly unknown[] = await versionsOf(type, env).catch(() => [])
  return versions.includes(versionOf(config))
}

/** What subnet.env says of this node; rejects with a CniError that also says what the agent waits for. */
export const nodeOf = (call: Call): Promise<SubnetEnvLists> =>
  readNode(call.config.subnetFile).catch(async (error) => {
    throw await explained(call, error)
  })

/**
 * The error that says why subnet.env is not there, as far as the agent knows: "etcd does not answer" helps, and "no such
 * file" does not.
 */
async function explained({ config }: Call, error: unknown): Promise<CniError> {
  const cni = CniError.from(error)
  if (cni.code !== CNI_CODE.tryAgainLater) return cni
  const agent = await askAgent(config.agentSocket)
  const why = {
    ready: 'an agent runs, and is ready: does it write another subnet.env (-subnet-file)?',
    'not-ready': `the agent is not ready: ${agent.type === 'not-ready' ? agent.why : ''}`,
    unknown: 'no agent answers: is it running? Its log says what it waits for',
  }[agent.type]
  return new CniError(cni.code, `${cni.message}; ${why}`, { cause: error })
}
