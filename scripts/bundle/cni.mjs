import { chmod, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { licensesOf } from './licenses.mjs'

const CNI = fileURLToPath(new URL('../../packages/cni', import.meta.url))

/**
 * A program in the folder of CNI plugins has neither a package.json nor an extension, so it is CommonJS. The cache is for
 * Node.js 22.1 and up; it is a folder that root alone can write to, for whoever can decides what runs.
 */
const PLUGIN_SHEBANG = '#!/usr/bin/env -S NODE_COMPILE_CACHE=/var/cache/selvedge/cni node'

/** Each is one executable file: copied to a host, it needs nothing but Node.js. */
const PROGRAMS = [
  { input: 'dist/main.js', file: 'flannel.cjs', shebang: PLUGIN_SHEBANG },
  { input: 'dist/install/main.js', file: 'install-cni.cjs', shebang: '#!/usr/bin/env node' },
]

/** Writes the CNI plugin, and the program that installs it, into `bundle/`. */
export async function bundleCni() {
  const beside = join(CNI, `.bundle-${process.pid}`)
  try {
    const modules = new Set()
    for (const program of PROGRAMS) {
      for (const module of await bundleProgram(program, beside)) modules.add(module)
    }
    await writeFile(join(beside, 'THIRD-PARTY-LICENSES'), licensesOf([...modules]))
    await rm(join(CNI, 'bundle'), { recursive: true, force: true })
    await rename(beside, join(CNI, 'bundle'))
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

/** @returns the modules that are in it */
async function bundleProgram({ input, file, shebang }, folder) {
  const bundle = await rolldown({
    input: join(CNI, input),
    platform: 'node',
    // A start pays for each module: none is worth loading that nothing of is used.
    treeshake: { moduleSideEffects: false },
  })
  try {
    const { output } = await bundle.write({
      dir: folder,
      format: 'cjs',
      entryFileNames: file,
      codeSplitting: false,
      minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
      banner: shebang,
    })
    await chmod(join(folder, file), 0o755)
    return output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
  } finally {
    await bundle.close()
  }
}
