import { mkdir, readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { InstallError } from './error.js'
import { LOADER, launcherText, runtimeOf } from './launcher.js'
import { replaceFile } from './replace-file.js'
import { installRuntime, readSource, removeOldRuntimes, tryRuntime } from './runtime-folder.js'

/** The plugin's name is its type in a network config. */
const PLUGIN = 'flannel'
/** The folder of runtimes, in the folder of plugins: container runtimes look up plugins by name, and not in subfolders. */
const RUNTIMES = '.selvedge'

/** Larger than a launcher, smaller than the plugins that are programs. */
const MAX_LAUNCHER_BYTES = 4096

export interface PluginInstallation {
  /** Holds `flannel.cjs`, `node`, and for hosts of any kind `ld.so` and the libraries that `node` needs. */
  readonly from: string
  /** The folder of CNI plugins, at the path that it has on the host. */
  readonly to: string
}

/**
 * Installs the plugin so that each call meets the old one or the new one, whole, whenever this process is killed: what
 * the plugin runs in goes to a folder of its own, and then one file is renamed. The runtime before is kept for the calls
 * that began with it, until the next installation.
 *
 * @returns whether anything was written
 * @throws {InstallError}
 */
export async function installPlugin({ from, to }: PluginInstallation): Promise<boolean> {
  try {
    const source = await readSource(from)
    const runtimes = join(to, RUNTIMES)
    await mkdir(runtimes, { recursive: true, mode: 0o755 })
    const launcher = join(to, PLUGIN)
    const before = runtimeOf(await readLauncher(launcher), runtimes)
    // First, to make room.
    await removeOldRuntimes(runtimes, before)
    const folder = join(runtimes, await installRuntime(source, runtimes, before))
    const hasLoader = source.digests.has(LOADER)
    const text = launcherText(folder, { hasLoader, kernel: release() })
    await tryRuntime(folder, { hasLoader })
    return await replaceFile(launcher, text, 0o755)
  } catch (error) {
    throw InstallError.from(error, `installing the CNI plugin ${PLUGIN} into ${to}`)
  }
}

/** Empty for whatever is no launcher, such as a program. */
async function readLauncher(path: string): Promise<string> {
  const content = await readFile(path).catch(() => Buffer.alloc(0))
  return content.length > MAX_LAUNCHER_BYTES ? '' : content.toString('latin1')
}
