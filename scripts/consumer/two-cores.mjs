/**
 * A second consumer: an application that has two versions of core at once, its own and that of a third party's store. Both are
 * compiled against the copy that they have, and run.
 */

import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runQuietly } from '../terminal.mjs'
import { Project } from './project.mjs'
import { nodeBinary, typescript } from './tools.mjs'

const run = promisify(execFile)
const SOURCES = fileURLToPath(new URL('two-cores', import.meta.url))
const COMPILER = '6.0'

export async function checkTwoCores(folder, tarballs, versions, progress) {
  progress.expect(versions.typescript.length + versions.node.length)
  const project = new Project(join(folder, 'application'))
  const newerCore = await repackNewer(tarballs.core, join(folder, 'newer-core'))
  const edgeStore = await makeEdgeStore(join(folder, 'edge-store'), { newerCore, tarballs })
  const { core, conformance, 'store-memory': storeMemory } = tarballs
  await project.install([core, conformance, storeMemory, edgeStore], ['@types/node@20'])
  await cp(join(SOURCES, 'application.ts'), join(project.folder, 'src/application.ts'))
  const copies = await versionsOfCore(project.folder)
  for (const version of versions.typescript) {
    await progress.check(`types: TypeScript ${version}, core ${copies.join(' and ')} at once`, async () => {
      const said = await project.compile(await typescript(version), 'nodenext')
      return { failed: said !== '' || copies.length !== 2, output: said }
    })
  }
  const compiled = join(project.folder, 'compiled')
  await project.compile(await typescript(COMPILER), 'nodenext', { emitTo: compiled })
  for (const version of versions.node) {
    await progress.check(`runs: Node.js ${version}, core ${copies.join(' and ')} at once`, async () => {
      const node = await nodeBinary(version)
      return run(node, [join(compiled, 'application.js')], { timeout: 60_000 }).then(
        () => ({ failed: false }),
        (error) => ({ failed: true, output: `${error.message}\n${error.stdout ?? ''}` }),
      )
    })
  }
}

/** The same package under the next patch version. */
async function repackNewer(tarball, folder) {
  await mkdir(folder, { recursive: true })
  await runQuietly('tar', ['xzf', tarball, '-C', folder])
  const file = join(folder, 'package/package.json')
  const manifest = JSON.parse(await readFile(file, 'utf8'))
  const [major, minor, patch] = manifest.version.split('.')
  manifest.version = `${major}.${minor}.${Number(patch) + 1}`
  await writeFile(file, JSON.stringify(manifest))
  return pack(join(folder, 'package'), folder)
}

/** Compiled against the newer core, which its tarball brings, as a package does that pins what it was tested with. */
async function makeEdgeStore(folder, { newerCore, tarballs }) {
  const project = new Project(folder)
  await project.install([newerCore, tarballs['store-memory']], ['@types/node@20'])
  await cp(join(SOURCES, 'edge-store.ts'), join(folder, 'src/edge-store.ts'))
  const said = await project.compile(await typescript(COMPILER), 'nodenext', {
    emitTo: join(folder, 'dist'),
    declaration: true,
  })
  if (said !== '') throw new Error(said)
  await rm(join(folder, 'node_modules/@types'), { recursive: true, force: true })
  const bundled = ['@selvedge/core', '@selvedge/store-memory', 'eventemitter3', 'ipaddr.js']
  const manifest = {
    name: 'edge-store',
    version: '1.0.0',
    type: 'module',
    files: ['dist'],
    exports: { '.': { types: './dist/edge-store.d.ts', default: './dist/edge-store.js' } },
    dependencies: Object.fromEntries(bundled.map((name) => [name, '*'])),
    bundleDependencies: bundled,
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  return pack(folder, join(folder, '..'))
}

async function pack(folder, into) {
  const name = (
    await run('npm', ['pack', '--silent', '--pack-destination', into], { cwd: folder })
  ).stdout.trim()
  return join(into, name)
}

async function versionsOfCore(folder) {
  const places = ['node_modules', 'node_modules/edge-store/node_modules']
  const versions = places.map(async (place) => {
    const manifest = await readFile(join(folder, place, '@selvedge/core/package.json'), 'utf8')
    return JSON.parse(manifest).version
  })
  return [...new Set(await Promise.all(versions))]
}
