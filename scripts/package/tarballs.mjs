/** The packages as npm gets them. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../setup.mjs'
import { runQuietly } from '../terminal.mjs'
import { packSelvedged } from './selvedged-tarball.mjs'

/**
 * Packs what `npm run build` has built.
 * @returns the paths of the tarballs, by the packages' folders
 */
export async function packAll(into, work) {
  await mkdir(into, { recursive: true })
  const names = (await readdir(join(root, 'packages'))).filter((name) => name !== 'selvedged')
  const packages = names.map((name) => `./packages/${name}`)
  await runQuietly('npm', ['pack', ...packages, '--pack-destination', into], { cwd: root })
  const files = await readdir(into)
  const found = names.map((name) => {
    const file = files.find((one) => new RegExp(`^selvedge-${name}-\\d`).test(one))
    if (file === undefined) throw new Error(`npm pack made no tarball of ${name}`)
    return [name, join(into, file)]
  })
  return { ...Object.fromEntries(found), selvedged: await packSelvedged(work, into) }
}
