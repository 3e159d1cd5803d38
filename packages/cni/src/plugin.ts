import { readPluginConfig, versionOf } from './config/plugin-config.js'
import { type Environment, type Verb, verbOf } from './protocol/call.js'
import { CNI_CODE, CniError } from './protocol/error.js'
import { CNI_VERSIONS, requireVersion, supportedVersions } from './protocol/version.js'
import type { Call } from './verbs/call.js'

/** One call of the plugin, as a container runtime makes it. */
export interface PluginInput {
  /** CNI_COMMAND and what belongs to it. */
  readonly env: Environment
  /** The network config, as JSON. Not asked for by VERSION. */
  readonly readConfig: () => Promise<string>
  /** Takes a line for the log. */
  readonly log: (text: string) => void
}

/** What a plugin ends with. */
export interface PluginOutput {
  /** The exit status: 1 for an error. */
  readonly status: 0 | 1
  /** For the standard output: a result, an error, or nothing. */
  readonly text: string
}

type Handler = (call: Call) => Promise<string>

/** Each is loaded when it is called: a runtime starts the plugin for one verb, every few seconds. */
const HANDLERS: Readonly<Record<Exclude<Verb, 'VERSION'>, () => Promise<Handler>>> = {
  ADD: async () => (await import('./verbs/add.js')).add,
  DEL: async () => (await import('./verbs/del.js')).del,
  CHECK: async () => (await import('./verbs/check.js')).check,
  STATUS: async () => (await import('./verbs/status.js')).status,
  GC: async () => (await import('./verbs/gc.js')).gc,
}

/** The CNI plugin `flannel`: carries out one call. Never rejects; what fails is its output, as the specification says. */
export async function flannelPlugin({ env, readConfig, log }: PluginInput): Promise<PluginOutput> {
  let cniVersion: string | undefined
  try {
    const verb = verbOf(env)
    if (verb === 'VERSION') return { status: 0, text: `${JSON.stringify(supportedVersions())}\n` }
    const config = readPluginConfig(await readConfig())
    cniVersion = versionOf(config)
    requireVersion(cniVersion, verb)
    if ((env.CNI_PATH ?? '') === '') {
      throw new CniError(CNI_CODE.invalidEnvironment, `${verb} needs CNI_PATH in its environment`)
    }
    const handle = await HANDLERS[verb]()
    return { status: 0, text: await handle({ config, env, log }) }
  } catch (error) {
    const { code, message: msg, details } = CniError.from(error)
    // A version that is not known could not be read in an error either.
    const version = CNI_VERSIONS.includes(cniVersion ?? '') ? cniVersion : CNI_VERSIONS.at(-1)
    return {
      status: 1,
      text: `${JSON.stringify({ cniVersion: version, code, msg, ...(details !== undefined && { details }) })}\n`,
    }
  }
}
