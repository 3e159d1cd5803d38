/**
 * selvedged as npm gets it: with the packages of native code inside (`bundleDependencies`), as they run, for x64 and arm64 with
 * glibc. From the registry they are twice the size, since each brings its sources, symbols, and binaries for other systems, and
 * each has an install script, which npm warns of. musl needs none: netlink has no binary for it.
 */
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ensureDebianPackages, root } from '../setup.mjs'
import { runQuietly } from '../terminal.mjs'
import { ARCHITECTURES } from './stage.mjs'

const SOURCE = join(root, 'packages/selvedged')

/** Of these no part runs: declarations, headers to compile against, and what makes msgpackr faster. */
const UNUSED = /^(@types\/node|node-addon-api|msgpackr-extract|@msgpackr-extract\/.*)$/

/** Files of others that nothing loads, and that are not what their names say. */
const UNUSED_FILES = ['msgpackr/dist/index.js', 'msgpackr/dist/test.js', 'weak-lru-cache/tests']

/** With a binary for one processor. */
const OF_ONE_PLATFORM = /-linux-(x64|arm64)$/

/** The binary for any Node.js; those for one version of it are faster in what we do not use. */
const BINARY_OF_ONE_VERSION = /\/node\.abi\d+\.glibc\.node$/

/** What npm would act on, of packages that need neither building nor choosing. */
const INSTALL_FIELDS = ['scripts', 'gypfile', 'devDependencies', 'optionalDependencies', 'os', 'cpu', 'libc']

/** @returns the path of the tarball */
export async function packSelvedged(work, into) {
  const folder = join(work, 'selvedged')
  await mkdir(folder, { recursive: true })
  for (const name of ['bin', 'bundle', 'LICENSE', 'README.md']) {
    await cp(join(SOURCE, name), join(folder, name), { recursive: true })
  }
  await ensureDebianPackages(Object.values(ARCHITECTURES).map(({ strip }) => strip))
  for (const [arch, { strip }] of Object.entries(ARCHITECTURES)) {
    const modules = await installModules(arch, join(work, `selvedged-${arch}`))
    await stripBinaries(modules, strip.command)
    await cp(modules, join(folder, 'node_modules'), { recursive: true })
  }
  const bundled = await trimManifests(join(folder, 'node_modules'))
  for (const file of UNUSED_FILES) {
    await rm(join(folder, 'node_modules', file), { recursive: true, force: true })
  }
  const manifest = JSON.parse(await readFile(join(SOURCE, 'package.json'), 'utf8'))
  const { devDependencies: _, ...published } = manifest
  const entries = Object.entries(bundled)
  const isOfOnePlatform = ([name]) => OF_ONE_PLATFORM.test(name)
  const fields = {
    dependencies: Object.fromEntries(entries.filter((entry) => !isOfOnePlatform(entry))),
    // Beside a package that needs the same, npm asks the registry whether they fit: those of another platform do not.
    optionalDependencies: Object.fromEntries(entries.filter(isOfOnePlatform)),
    bundleDependencies: Object.keys(bundled),
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...published, ...fields }, null, 2))
  await runQuietly('npm', ['pack', '--pack-destination', into], { cwd: folder })
  return join(into, `selvedge-selvedged-${manifest.version}.tgz`)
}

/** As package-lock.json has them: by what makes the image's. */
async function installModules(arch, work) {
  await mkdir(join(work, 'packages/selvedged'), { recursive: true })
  for (const file of ['package.json', 'package-lock.json', 'packages/selvedged/package.json']) {
    await copyFile(join(root, file), join(work, file))
  }
  await runQuietly(join(root, 'deploy/image/modules.sh'), [arch], { cwd: work })
  return join(work, 'node_modules')
}

async function stripBinaries(modules, command) {
  const files = (await readdir(modules, { recursive: true })).filter((file) => file.endsWith('.node'))
  for (const file of files.map((name) => join(modules, name))) {
    if (BINARY_OF_ONE_VERSION.test(file)) await rm(file)
    else await runQuietly(command, ['--strip-unneeded', file])
  }
}

/** @returns the versions of the packages that remain, by name */
async function trimManifests(modules) {
  const versions = {}
  for (const name of await packagesIn(modules)) {
    const folder = join(modules, name)
    for (const one of await readdir(folder)) {
      if (one === 'node_modules' || one.startsWith('.')) await rm(join(folder, one), { recursive: true })
    }
    if (UNUSED.test(name)) {
      await rm(folder, { recursive: true })
      continue
    }
    const file = join(folder, 'package.json')
    const manifest = JSON.parse(await readFile(file, 'utf8'))
    for (const field of INSTALL_FIELDS) delete manifest[field]
    const dependencies = Object.entries(manifest.dependencies ?? {}).filter(([one]) => !UNUSED.test(one))
    await writeFile(file, JSON.stringify({ ...manifest, dependencies: Object.fromEntries(dependencies) }))
    versions[name] = manifest.version
  }
  return versions
}

async function packagesIn(modules) {
  const names = await readdir(modules)
  const found = names.map(async (name) => {
    if (!name.startsWith('@')) return [name]
    return (await readdir(join(modules, name))).map((one) => `${name}/${one}`)
  })
  return (await Promise.all(found)).flat().filter((name) => !basename(name).startsWith('.'))
}
