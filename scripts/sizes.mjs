/**
 * `npm run sizes`: what `npm install` of each package puts down, as a table in docs/install-sizes.md. Needs what `npm run build`
 * has built, and npm's registry.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installSize } from './package/install-size.mjs'
import { packAll } from './package/tarballs.mjs'
import { root } from './setup.mjs'
import { runMain, say } from './terminal.mjs'

const DOCUMENT = join(root, 'docs/install-sizes.md')

await runMain(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-sizes-'))
  try {
    const tarballs = await packAll(join(folder, 'tarballs'), folder)
    const rows = []
    for (const name of Object.keys(tarballs).sort()) {
      const size = await installSize(
        await withOwnDependencies(name, tarballs),
        join(folder, 'installed', name),
      )
      const scripts = size.installScripts.join(', ')
      rows.push(`| \`@selvedge/${name}\` | ${size.megabytes.toFixed(1)} | ${size.packages} | ${scripts} |`)
      say('sizes', rows.at(-1))
    }
    const text = await readFile(DOCUMENT, 'utf8')
    await writeFile(DOCUMENT, text.replace(/(^\|---.*\n)(?:^\|.*\n)+/m, `$1${rows.join('\n')}\n`))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return 0
})

/** The tarballs of the package and of all of ours that it depends on, which a registry would serve. */
async function withOwnDependencies(name, tarballs) {
  const seen = new Set()
  const visit = async (one) => {
    if (seen.has(one)) return
    seen.add(one)
    const manifest = JSON.parse(await readFile(join(root, 'packages', one, 'package.json'), 'utf8'))
    for (const other of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (other.startsWith('@selvedge/')) await visit(other.slice('@selvedge/'.length))
    }
  }
  await visit(name)
  return [...seen].map((one) => tarballs[one])
}
