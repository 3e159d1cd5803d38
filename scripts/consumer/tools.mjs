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

/**
 * Other runtimes, each by the package of its binary for this processor: the packages that people install bring it by an
 * install script. Bun's is the build that also runs on processors without AVX2.
 */
const RUNTIMES = {
  Bun: {
    version: '1.4.5',
    package: { x64: '@oven/bun-linux-x64-baseline', arm64: '@oven/bun-linux-aarch64' },
    binary: 'bin/bun',
    args: ['run'],
  },
  Deno: {
    version: '2.9.6',
    package: { x64: '@deno/linux-x64-glibc', arm64: '@deno/linux-arm64-glibc' },
    binary: 'deno',
    args: ['run', '--allow-all'],
  },
}

export const RUNTIME_NAMES = Object.keys(RUNTIMES)

/**
 * What runs a program with that runtime, and what the runtime is called.
 * @param cache a folder for what it keeps besides
 */
export async function otherRuntime(name, cache) {
  const { version, package: packages, binary, args } = RUNTIMES[name]
  const folder = join(root, `.cache/${name.toLowerCase()}-${version}`)
  const program = join(folder, 'node_modules', packages[process.arch], binary)
  if (!existsSync(program)) await installInto(folder, `${packages[process.arch]}@${version}`)
  const variables = [
    `DENO_DIR=${cache}`,
    'DENO_NO_UPDATE_CHECK=1',
    `BUN_RUNTIME_TRANSPILER_CACHE_PATH=${cache}`,
  ]
  return { title: `${name} ${version}`, command: ['env', ...variables, program, ...args] }
}

async function installInto(folder, specifier) {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await runQuietly('npm', ['install', ...QUIET, specifier], { cwd: folder })
}
