/** What npm puts down for a package, in an empty project. */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runQuietly } from '../terminal.mjs'

/**
 * Installs the tarballs.
 * @returns the size in MB (10^6 bytes, by what the files hold), how many packages, and which of them npm warns of for their
 *   install scripts
 */
export async function installSize(tarballs, folder) {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  const said = await runQuietly('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: folder })
  const modules = join(folder, 'node_modules')
  const entries = await readdir(modules, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size)
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  return {
    megabytes: bytes / 1e6,
    packages: Number(/added (\d+) package/.exec(said)?.[1]),
    installScripts: [...said.matchAll(/^npm warn install-scripts\s+(\S+)@\S+ \(/gm)].map(([, name]) => name),
  }
}
