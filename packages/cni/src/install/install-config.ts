import { isJsonObject } from '@selvedge/core/kit'
import { readBoundedFile } from '@selvedge/node-state'
import { InstallError } from './error.js'
import { replaceFile } from './replace-file.js'

const MAX_BYTES = 1024 * 1024

export interface ConfigInstallation {
  /** The file with the network config list. */
  readonly from: string
  /** The file that the container runtime reads, such as `/etc/cni/net.d/10-flannel.conflist`. */
  readonly to: string
}

/**
 * Installs a CNI config list, 0644, so that a reader finds the old one or the new one, whole. One that no runtime could
 * use is not installed: a typo in a ConfigMap must not cut nodes off.
 *
 * @returns whether it was written
 * @throws {InstallError}
 */
export async function installConfig({ from, to }: ConfigInstallation): Promise<boolean> {
  try {
    return await replaceFile(to, await readConfig(from), 0o644)
  } catch (error) {
    throw InstallError.from(error, `installing the CNI config ${from} as ${to}`)
  }
}

async function readConfig(path: string): Promise<string> {
  const refuse = (why: string) => new InstallError('SOURCE_INVALID', `${path} is no CNI config list: ${why}`)
  const text = await readBoundedFile(path, MAX_BYTES).catch((error: unknown) => {
    throw refuse((error as Error).message)
  })
  let config: unknown
  try {
    config = JSON.parse(text)
  } catch (error) {
    throw refuse((error as Error).message)
  }
  if (!isJsonObject(config)) throw refuse('it is not an object')
  const { name, plugins } = config
  if (typeof name !== 'string' || name === '') throw refuse('it has no name')
  if (!Array.isArray(plugins) || plugins.length === 0) throw refuse('it has no plugins')
  for (const plugin of plugins) {
    if (!isJsonObject(plugin) || typeof plugin.type !== 'string')
      throw refuse('one of its plugins has no type')
  }
  return text
}
