/** Compilers and runtimes that the checkout itself does not have, from npm, kept in .cache/. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../setup.mjs'
import { runQuietly } from '../terminal.mjs'

const QUIET = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts']

/** The folder of a TypeScript of that minor version. */
export async function typescript(version) {
  const folder = join(root, '.cache/typescript', version)
  if (!existsSync(join(folder, 'node_modules/typescript/lib/tsc.js'))) {
    await installInto(folder, `typescript@~${version}.0`)
  }
  return join(folder, 'node_modules/typescript')
}

/** The binary of a Node.js of that major version. */
export async function nodeBinary(major) {
  if (Number(process.versions.node.split('.')[0]) === major) return process.execPath
  const name = `node-linux-${process.arch}`
  const folder = join(root, `.cache/node${major}`)
  const binary = join(folder, 'node_modules', name, 'bin/node')
  if (!existsSync(binary)) await installInto(folder, `${name}@${major}`)
  return binary
}

async function installInto(folder, specifier) {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await runQuietly('npm', ['install', ...QUIET, specifier], { cwd: folder })
}
