import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a container runtime reads; undefined for a folder that does not exist: there is no runtime then. */
export interface PodFacts {
  readonly configFolder: string
  /** The conf lists in it, in the order in which a runtime takes the first. */
  readonly configs: readonly ConfigFact[] | undefined
  readonly pluginFolder: string
  readonly plugins: readonly string[] | undefined
}

export interface ConfigFact {
  readonly file: string
  /** The types of its plugins; empty for one that is no JSON. */
  readonly types: readonly string[]
}

export async function podFacts(configFolder: string, pluginFolder: string): Promise<PodFacts> {
  const names = await readdir(configFolder).catch(() => undefined)
  const files = names?.filter((name) => /\.(conf|conflist|json)$/.test(name)).sort()
  const configs =
    files === undefined
      ? undefined
      : await Promise.all(
          files.map(async (file) => ({ file, types: await typesIn(join(configFolder, file)) })),
        )
  return { configFolder, configs, pluginFolder, plugins: await readdir(pluginFolder).catch(() => undefined) }
}

async function typesIn(path: string): Promise<readonly string[]> {
  try {
    const config: unknown = JSON.parse(await readFile(path, 'utf8'))
    const { plugins = [config] } = Object(config)
    return [plugins].flat().flatMap((plugin) => {
      const { type } = Object(plugin)
      return typeof type === 'string' ? [type] : []
    })
  } catch {
    return []
  }
}
