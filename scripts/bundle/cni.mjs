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
const SHEBANG = '#!/usr/bin/env -S NODE_COMPILE_CACHE=/var/cache/selvedge/cni node'

/** Writes the CNI plugin into one executable file, `bundle/flannel.cjs`: copied to a host, it needs nothing but Node.js. */
export async function bundleCni() {
  const bundle = await rolldown({ input: join(CNI, 'dist/main.js'), platform: 'node' })
  const beside = join(CNI, `.bundle-${process.pid}`)
  try {
    const { output } = await bundle.write({
      dir: beside,
      format: 'cjs',
      entryFileNames: 'flannel.cjs',
      codeSplitting: false,
      minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
      banner: SHEBANG,
    })
    const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
    await writeFile(join(beside, 'THIRD-PARTY-LICENSES'), licensesOf(modules))
    await chmod(join(beside, 'flannel.cjs'), 0o755)
    await rm(join(CNI, 'bundle'), { recursive: true, force: true })
    await rename(beside, join(CNI, 'bundle'))
  } finally {
    await bundle.close()
    await rm(beside, { recursive: true, force: true })
  }
}
