/**
 * `node scripts/bundle.mjs`: puts selvedged into a handful of files, `packages/agent/bundle/`, which start in a third
 * less time than the hundreds of modules that it is written in, with 10 MB less memory. Needs what `tsc -b` has built.
 */
import { existsSync, readFileSync } from 'node:fs'
import { chmod, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const AGENT = fileURLToPath(new URL('../packages/agent', import.meta.url))

/**
 * Loaded as they are: what brings native code, and what few starts load. grpc-js asks for proto-loader only where its
 * own diagnostics (channelz) are on.
 */
const EXTERNAL = /^(koffi|netlink|@kubernetes\/client-node|prom-client|@grpc\/proto-loader)(\/|$)/

const bundle = await rolldown({
  input: { selvedged: join(AGENT, 'dist/main.js') },
  platform: 'node',
  external: EXTERNAL,
  preserveEntrySignatures: false,
})
// Written beside and then moved: what is there is whole, or not there.
const made = join(AGENT, `.bundle-${process.pid}`)
try {
  const { output } = await bundle.write({
    dir: made,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    // Less for V8 to read; names stay, so that a stack trace says something.
    minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
    // What a package needs of others goes with it; what all of them need, with core.
    codeSplitting: {
      groups: [
        { name: 'core', test: /\/packages\/core\/dist\//, priority: 1 },
        { name: packageOf, debugName: 'package' },
      ],
    },
  })
  const modules = output.flatMap((chunk) => ('moduleIds' in chunk ? chunk.moduleIds : []))
  await writeFile(join(made, 'THIRD-PARTY-LICENSES'), licensesOf(modules))
  await chmod(join(made, 'selvedged.js'), 0o755)
  await rm(join(AGENT, 'bundle'), { recursive: true, force: true })
  await rename(made, join(AGENT, 'bundle'))
} finally {
  await bundle.close()
  await rm(made, { recursive: true, force: true })
}

/**
 * One file for each package of ours but the agent, whose own modules are loaded as they are needed. What a package
 * itself loads late stays apart: with the rest it would be loaded early, and all that it imports with it.
 */
function packageOf(module, chunking) {
  const name = folderOf(module)
  const isLate = chunking
    .getModuleInfo(module)
    ?.dynamicImporters.some((importer) => folderOf(importer) === name)
  return name === 'agent' || isLate ? undefined : name
}

function folderOf(module) {
  return /\/packages\/([^/]+)\/dist\//.exec(module)?.[1]
}

/** What the licences of packages in the bundle ask for: their texts go with it. */
function licensesOf(modules) {
  const folders = new Set(
    modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []),
  )
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'LICENCE'].find((file) =>
      existsSync(join(folder, file)),
    )
    const text =
      file === undefined ? 'The package holds no text of it.' : readFileSync(join(folder, file), 'utf8')
    return `${name} ${version} (${license})\n\n${text.trim()}\n`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
