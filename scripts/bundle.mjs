/**
 * `node scripts/bundle.mjs`: puts selvedged into a handful of files, `packages/selvedged/bundle/`, and the CNI plugin
 * into one, `packages/cni/bundle/`. selvedged starts in half the time of the hundreds of modules that it is written in,
 * with 10 MB less memory. Needs what `tsc -b` has built.
 */
import { cp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { bundleCni } from './bundle/cni.mjs'
import { bundleEtcd3 } from './bundle/etcd3.mjs'
import { licensesOf } from './bundle/licenses.mjs'

await bundleCni()

const SELVEDGED = fileURLToPath(new URL('../packages/selvedged', import.meta.url))

const AGENT = fileURLToPath(new URL('../packages/agent', import.meta.url))

const UDP_WORKER = fileURLToPath(new URL('../packages/backend-udp/dist/proxy/worker.js', import.meta.url))

/** A program of its own: grouped with selvedged, each would load the other. */
const OPERATOR_PROGRAM = join(SELVEDGED, 'dist/selvedge.js')

/** Loaded as they are: what brings native code. */
const EXTERNAL = /^(koffi|netlink|lmdb)(\/|$)/

const bundle = await rolldown({
  input: {
    main: join(SELVEDGED, 'dist/main.js'),
    selvedge: OPERATOR_PROGRAM,
    // The module of a thread, which the driver of udp finds beside itself.
    worker: UDP_WORKER,
  },
  platform: 'node',
  external: EXTERNAL,
  plugins: [bundleEtcd3()],
  preserveEntrySignatures: 'exports-only',
})
// Written beside and then renamed: a bundle is complete, or absent.
const beside = join(SELVEDGED, `.bundle-${process.pid}`)
try {
  const { output } = await bundle.write({
    dir: beside,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    // Less for V8 to read; names stay, so that a stack trace can be read.
    minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
    // A package's dependencies go with it; those that several packages share, with core.
    codeSplitting: {
      groups: [
        // Both programs read flags; what an agent does, selvedge loads with the command that needs it.
        { name: 'flags', test: /\/packages\/agent\/dist\/(command-line\/|flags\.js)/, priority: 2 },
        { name: 'core', test: /\/packages\/core\/dist\//, priority: 1 },
        { name: packageOf, debugName: 'package' },
      ],
    },
  })
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
  await writeFile(join(beside, 'THIRD-PARTY-LICENSES'), licensesOf(modules))
  // The dashboard's files, as a browser loads them.
  for (const folder of ['static/dashboard', 'dist/dashboard/browser']) {
    await cp(join(AGENT, folder), join(beside, 'dashboard'), {
      recursive: true,
      filter: (path) => !/\.(d\.ts|map|tsbuildinfo)$/.test(path),
    })
  }
  await rm(join(SELVEDGED, 'bundle'), { recursive: true, force: true })
  await rename(beside, join(SELVEDGED, 'bundle'))
} finally {
  await bundle.close()
  await rm(beside, { recursive: true, force: true })
}

/**
 * One file for each package of ours. A module that its own package imports lazily keeps a file of its own: grouped with
 * the rest it would be loaded at the start, and all that it imports with it.
 */
function packageOf(module, chunking) {
  if (module === UDP_WORKER || module === OPERATOR_PROGRAM) return undefined
  const name = folderOf(module)
  const isLazy = chunking
    .getModuleInfo(module)
    ?.dynamicImporters.some((importer) => folderOf(importer) === name)
  return isLazy ? undefined : name
}

function folderOf(module) {
  return /\/packages\/([^/]+)\/dist\//.exec(module)?.[1]
}
