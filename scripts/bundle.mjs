/**
 * `node scripts/bundle.mjs`: puts selvedged into a handful of files, `packages/agent/bundle/`, with the bytecode of what
 * runs at a start beside them. It starts in half the time of the hundreds of modules that it is written in, with 10 MB
 * less memory. Needs what `tsc -b` has built.
 */
import { existsSync, readFileSync } from 'node:fs'
import { chmod, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { runQuietly } from './terminal.mjs'

const AGENT = fileURLToPath(new URL('../packages/agent', import.meta.url))

/**
 * Loaded as they are: what brings native code, and what is rarely asked for. grpc-js asks for proto-loader only where its
 * own diagnostics (channelz) are on. An ES module must not be among them: what runs by bytecode can import none.
 */
const EXTERNAL = /^(koffi|netlink|prom-client|@grpc\/proto-loader)(\/|$)/

const bundle = await rolldown({
  input: { main: join(AGENT, 'dist/main.js') },
  platform: 'node',
  external: EXTERNAL,
  preserveEntrySignatures: false,
})
// Written beside and then moved: what is there is whole, or not there.
const made = join(AGENT, `.bundle-${process.pid}`)
try {
  const { output } = await bundle.write({
    dir: made,
    // Of ES modules Node takes no bytecode.
    format: 'cjs',
    // V8 would take the bytecode of another text, were it as long.
    entryFileNames: '[name].[hash].js',
    chunkFileNames: '[name].[hash].js',
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
  const chunks = output.filter(({ type }) => type === 'chunk')
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds)
  await writeFile(join(made, 'THIRD-PARTY-LICENSES'), licensesOf(modules))
  const [main, others] = [chunks.find(isMain), chunks.filter((chunk) => !isMain(chunk))]
  await writeFile(
    join(made, 'package.json'),
    JSON.stringify({ type: 'commonjs', main: `./${main.fileName}` }),
  )
  for (const name of ['selvedged', 'loader'])
    await copyWithoutMap(join(AGENT, `dist/bundle/${name}.mjs`), join(made, `${name}.mjs`))
  await chmod(join(made, 'selvedged.mjs'), 0o755)
  await addBytecode(others.map(({ fileName }) => fileName))
  await rm(join(AGENT, 'bundle'), { recursive: true, force: true })
  await rename(made, join(AGENT, 'bundle'))
} finally {
  await bundle.close()
  await rm(made, { recursive: true, force: true })
}

/** A module as tsc has made it, without its pointer to a source map that stays behind. */
async function copyWithoutMap(from, to) {
  await writeFile(to, readFileSync(from, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, ''))
}

/** Of what loading each of these files runs, and `selvedged --version`. */
async function addBytecode(files) {
  const program = `
    import { createRequire } from 'node:module'
    import { load, saveBytecode } from './loader.mjs'
    const { resolve } = createRequire(process.cwd() + '/')
    for (const file of ${JSON.stringify(files)}) load(resolve('./' + file))
    process.argv = [process.execPath, 'selvedged', '--version']
    load(resolve('./'))
    saveBytecode()`
  // Made under other flags for V8, it would be of no use to a start without them.
  const env = { ...process.env, NODE_OPTIONS: '' }
  await runQuietly(process.execPath, ['--input-type=module', '--eval', program], { cwd: made, env })
}

function isMain({ isEntry, name }) {
  return isEntry && name === 'main'
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
