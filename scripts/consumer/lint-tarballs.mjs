/** Each tarball, looked at by publint and by Are The Types Wrong, and what those do not look at. */
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { root } from '../setup.mjs'
import { runQuietly } from '../terminal.mjs'
import { forEachOf } from './run-snippet.mjs'

const PUBLINT = join(root, 'node_modules/publint/src/cli.js')
const ATTW = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')

/** Of the build and its tests. */
const UNWANTED = /\.test\.|\.tsbuildinfo$/

export async function lintTarballs(tarballs, progress) {
  const entries = Object.values(tarballs)
  progress.expect(entries.length)
  await forEachOf(entries, availableParallelism(), (tarball) =>
    progress.check(`tarball: ${basename(tarball)}`, async () => {
      try {
        await runQuietly(process.execPath, [PUBLINT, 'run', tarball, '--strict'])
        // The packages are for import alone, and TypeScript resolves them as Node.js does, or as a bundler.
        // selvedged is programs alone.
        if (!basename(tarball).startsWith('selvedge-selvedged-'))
          await runQuietly(process.execPath, [ATTW, tarball, '--profile', 'esm-only', '--no-color'])
        const missing = await whatItLacks(tarball)
        return { failed: missing.length > 0, output: missing.join('\n') }
      } catch (error) {
        return { failed: true, output: error.message }
      }
    }),
  )
}

async function whatItLacks(tarball) {
  const folder = await mkdtemp(join(dirname(tarball), 'unpacked-'))
  await runQuietly('tar', ['xzf', tarball, '-C', folder])
  const files = await readdir(join(folder, 'package'), { recursive: true })
  const missing = ['LICENSE', 'README.md'].filter((name) => !files.includes(name)).map((name) => `no ${name}`)
  const unwanted = files.filter((name) => UNWANTED.test(name)).map((name) => `${name} is not for users`)
  const maps = files.filter((name) => name.endsWith('.map'))
  const blind = maps.map(async (name) => {
    const { sources, sourcesContent } = JSON.parse(await readFile(join(folder, 'package', name), 'utf8'))
    return sources.length === sourcesContent?.length ? [] : [`${name} lacks its sources`]
  })
  return [...missing, ...unwanted, ...(await Promise.all(blind)).flat()]
}
