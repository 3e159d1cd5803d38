import {
  type FieldTable,
  isJsonObject,
  type JsonLimits,
  objectField,
  parseJson,
  readFields,
  textField,
} from '@selvedge/core/kit'
import { isName } from '../protocol/call.js'
import { CNI_CODE, CniError } from '../protocol/error.js'
import { DEFAULT_CNI_VERSION } from '../protocol/version.js'

/** A JSON object that this plugin passes on without knowing all of it. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The config of a network whose plugin is `flannel`, as a runtime sends it to the plugin's standard input. */
export interface PluginConfig {
  /** As in the config; undefined if it names none, which means 0.1.0. */
  readonly cniVersion: string | undefined
  /** The network's name. */
  readonly name: string
  readonly subnetFile: string
  /** The folder where the config of each attachment is kept for its DEL. */
  readonly dataDir: string
  /** The Unix socket at which the agent says why it is not ready. */
  readonly agentSocket: string
  /** What goes to the plugin that does the work; its `type` is `bridge` if it has none. */
  readonly delegate: JsonObject
  readonly ipam: JsonObject
  readonly runtimeConfig: JsonObject | undefined
  readonly prevResult: JsonObject | undefined
  /** GC: the attachments that are still in use; undefined if the runtime did not say. */
  readonly validAttachments: readonly ValidAttachment[] | undefined
}

export interface ValidAttachment {
  readonly containerId: string
  readonly ifName: string
}

/** Of flannel's plugin. */
const DEFAULT_SUBNET_FILE = '/run/flannel/subnet.env'
const DEFAULT_DATA_DIR = '/var/lib/cni/flannel'

/** Of selvedged. */
const DEFAULT_AGENT_SOCKET = '/run/selvedge/control.sock'

/** A GC names every attachment of the host: 60 bytes each. */
export const MAX_CONFIG_BYTES = 4 * 1024 * 1024
const LIMITS: JsonLimits = { maxLength: MAX_CONFIG_BYTES, maxDepth: 32, maxKeys: 100_000 }

const FIELDS = {
  cniVersion: textField(),
  name: textField(),
  subnetFile: textField(),
  dataDir: textField(),
  agentSocket: textField(),
  delegate: objectField(),
  ipam: objectField(),
  runtimeConfig: objectField(),
  prevResult: objectField(),
} satisfies FieldTable

/**
 * Reads a plugin config as flannel's plugin does: keys match in any case, unknown ones mean nothing. Throws a CniError
 * that names the key and the rule.
 */
export function readPluginConfig(text: string): PluginConfig {
  const source = parse(text)
  const { values } = readFields(FIELDS, withoutNulls(source), 'the network config')
  const name = values.name ?? ''
  if (!isName(name)) {
    throw invalid(name === '' ? 'the network config has no name' : `'${name}' is no name of a network`)
  }
  return {
    cniVersion: values.cniVersion === '' ? undefined : values.cniVersion,
    name,
    subnetFile: values.subnetFile ?? DEFAULT_SUBNET_FILE,
    dataDir: values.dataDir ?? DEFAULT_DATA_DIR,
    agentSocket: values.agentSocket ?? DEFAULT_AGENT_SOCKET,
    delegate: requireDelegate(values.delegate ?? {}),
    ipam: requireIpam(values.ipam ?? {}),
    runtimeConfig: values.runtimeConfig,
    prevResult: values.prevResult,
    validAttachments: validAttachmentsOf(source),
  }
}

/** The version that the config is written in, whatever else is wrong with it. */
export const versionOf = ({ cniVersion }: Pick<PluginConfig, 'cniVersion'>): string =>
  cniVersion ?? DEFAULT_CNI_VERSION

function parse(text: string): JsonObject {
  let value: unknown
  try {
    value = parseJson(text, LIMITS)
  } catch (error) {
    throw new CniError(
      CNI_CODE.undecodable,
      `the network config cannot be read: ${error instanceof Error ? error.message : error}`,
    )
  }
  if (!isJsonObject(value)) throw new CniError(CNI_CODE.undecodable, 'the network config is no JSON object')
  return value
}

/** In Go, a null leaves a map as it was: empty. */
const withoutNulls = (source: JsonObject): JsonObject =>
  Object.values(source).includes(null)
    ? Object.fromEntries(Object.entries(source).filter(([, value]) => value !== null))
    : source

function requireDelegate(delegate: JsonObject): JsonObject {
  for (const key of ['name', 'ipam']) {
    if (Object.hasOwn(delegate, key)) {
      throw invalid(`'delegate' must not have the field '${key}': it is set from the network config`)
    }
  }
  const { type = 'bridge' } = delegate
  if (typeof type !== 'string') throw invalid("'type' in 'delegate' must be text")
  if (type === 'flannel') throw invalid("'delegate' names flannel, which would call itself without end")
  requirePluginName(type, 'delegate')
  return delegate
}

function requireIpam(ipam: JsonObject): JsonObject {
  const { type = 'host-local', routes = [] } = ipam
  if (typeof type !== 'string') throw invalid("'type' in 'ipam' must be text")
  requirePluginName(type, 'ipam')
  if (!Array.isArray(routes) || !routes.every(isJsonObject)) {
    throw invalid("'routes' in 'ipam' must be a list of objects")
  }
  return ipam
}

/** A name with a slash would run a program outside CNI_PATH. */
function requirePluginName(type: string, where: string): void {
  if (type === '' || type.includes('/'))
    throw invalid(`'type' in '${where}' is '${type}', which names no plugin`)
}

/** Both spellings of libcni: it sends the second for plugins of before the specification had settled. */
const ATTACHMENT_KEYS = ['cni.dev/valid-attachments', 'cni.dev/attachments']

function validAttachmentsOf(source: JsonObject): readonly ValidAttachment[] | undefined {
  const key = ATTACHMENT_KEYS.find((known) => Array.isArray(source[known]))
  if (key === undefined) return undefined
  return (source[key] as readonly unknown[]).map((item) => {
    const { containerID, ifname } = isJsonObject(item) ? item : {}
    if (typeof containerID !== 'string' || typeof ifname !== 'string') {
      throw invalid(`each of '${key}' must have containerID and ifname`)
    }
    return { containerId: containerID, ifName: ifname }
  })
}

const invalid = (message: string): CniError => new CniError(CNI_CODE.invalidConfig, message)
