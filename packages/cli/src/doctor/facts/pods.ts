import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAddress } from '@selvedge/core/kit'
import { runTool } from '../../tools/run-tool.js'

/** What a container runtime reads; undefined for a folder that does not exist: there is no runtime then. */
export interface PodFacts {
  readonly configFolder: string
  /** The conf lists in it, in the order in which a runtime takes the first. */
  readonly configs: readonly ConfigFact[] | undefined
  readonly pluginFolder: string
  readonly plugins: readonly string[] | undefined
  /** What the plugins of the first conf list answer to STATUS, of those that are not ready. */
  readonly notReady: readonly { readonly plugin: string; readonly why: string }[]
  /** Addresses that host-local has given to pods, each in a file of its name. */
  readonly given: readonly { readonly address: string; readonly file: string }[]
  /** Those of them that answer no echo request, if more are given than there are pods. */
  readonly silent: readonly { readonly address: string; readonly file: string }[]
}

export interface ConfigFact {
  readonly file: string
  /** The types of its plugins; empty for one that is no JSON. */
  readonly types: readonly string[]
}

const NETWORKS = '/var/lib/cni/networks'
/** Addresses that are tried: others are tried once these are gone. */
const MAX_TRIED = 64
const TIMEOUT_MS = 1_000

/** @param ports how many ports the pods' bridge has */
export async function podFacts(configFolder: string, pluginFolder: string, ports: number): Promise<PodFacts> {
  const names = await readdir(configFolder).catch(() => undefined)
  const files = names?.filter((name) => /\.(conf|conflist|json)$/.test(name)).sort()
  const read = await Promise.all(
    (files ?? []).map(async (file) => ({ file, config: await readConfig(join(configFolder, file)) })),
  )
  const [first] = read
  const given = await givenAddresses()
  return {
    configFolder,
    configs: files && read.map(({ file, config }) => ({ file, types: pluginsOf(config).map(typeOf) })),
    pluginFolder,
    plugins: await readdir(pluginFolder).catch(() => undefined),
    notReady: first === undefined ? [] : await askStatus(first.config, pluginFolder),
    given,
    silent: given.length <= ports ? [] : await silentOf(given.slice(0, MAX_TRIED)),
  }
}

async function readConfig(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

function pluginsOf(config: unknown): readonly object[] {
  if (config === undefined) return []
  const { plugins = [config] } = Object(config)
  return [plugins].flat().filter((plugin) => typeof Object(plugin).type === 'string')
}

const typeOf = (plugin: object): string => String(Reflect.get(plugin, 'type'))

/** Errors of the CNI specification, version 1.1, that mean that no pod can be added now. */
const NOT_READY = [50, 51]

/** STATUS changes nothing, by the specification. A plugin that does not know it, or does not run, says nothing. */
async function askStatus(config: unknown, folder: string): Promise<PodFacts['notReady']> {
  const { name = 'cbr0' } = Object(config)
  const answers = await Promise.all(
    pluginsOf(config).map(async (plugin) => {
      const type = typeOf(plugin)
      if (!/^[\w.-]+$/.test(type)) return []
      const text = JSON.stringify({ ...plugin, name, cniVersion: '1.1.0' })
      const variables = ['CNI_COMMAND=STATUS', `CNI_PATH=${folder}`]
      const script = 'printf %s "$1" | exec env "$2" "$3" "$4"'
      const output = await runTool('sh', ['-c', script, 'sh', text, ...variables, join(folder, type)], {
        timeoutMs: TIMEOUT_MS,
      }).catch(() => undefined)
      if (output === undefined || output.status === 0) return []
      const { code, msg, details = '' } = parsed(output.stdout)
      const why = [msg, details].filter((part) => typeof part === 'string' && part !== '').join(': ')
      return NOT_READY.includes(Number(code)) ? [{ plugin: type, why }] : []
    }),
  )
  return answers.flat()
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

async function givenAddresses(): Promise<PodFacts['given']> {
  const networks = await readdir(NETWORKS).catch(() => [])
  const found = await Promise.all(
    networks.map(async (network) => {
      const files = await readdir(join(NETWORKS, network)).catch(() => [])
      return files
        .filter((file) => parseAddress(file) !== undefined)
        .map((address) => ({ address, file: join(NETWORKS, network, address) }))
    }),
  )
  return found.flat()
}

async function silentOf(given: PodFacts['given']): Promise<PodFacts['silent']> {
  const tried = await Promise.all(
    given.map(async (each) => {
      const args = ['-n', '-q', '-c', '3', '-i', '0.2', '-w', '1', each.address]
      const output = await runTool('ping', args).catch(() => undefined)
      return output?.status === 1 ? [each] : []
    }),
  )
  return tried.flat()
}
