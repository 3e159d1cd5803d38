/** What npm puts down for a package, in an empty project. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runQuietly } from '../terminal.mjs'

/**
 * Installs the tarballs.
 * @returns the size in MB (10^6 bytes, by what the files hold), how many packages, and which of them have install scripts
 */
export async function installSize(tarballs, folder) {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await runQuietly('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: folder })
  const modules = join(folder, 'node_modules')
  const entries = await readdir(modules, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size)
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  // What npm notes of all it has put down: what it says on the way differs from one time to the next.
  const lock = JSON.parse(await readFile(join(modules, '.package-lock.json'), 'utf8'))
  const packages = Object.entries(lock.packages)
  return {
    megabytes: bytes / 1e6,
    packages: packages.filter(([, { inBundle }]) => inBundle !== true).length,
    installScripts: packages
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => path.replace(/^.*node_modules\//, '')),
  }
}
