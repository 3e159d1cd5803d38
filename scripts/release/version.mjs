/**
 * `npm run release:version`: turns the changesets into the next version of every package and an entry of CHANGELOG.md.
 *
 * Not `changeset version`: since the packages have core as a peer dependency, it would raise all of them to 1.0.0 for
 * whatever is new in core.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup.mjs'
import { runInForeground, runMain, SetupError, say } from '../terminal.mjs'
import { nextVersion, parseChangeset, releaseEntry, withEntry, withVersion } from './changesets.mjs'

const read = (path) => readFileSync(join(root, path), 'utf8')
const write = (path, text) => writeFileSync(join(root, path), text)

await runMain(async () => {
  const paths = [
    ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
    'lab',
    'examples',
    'bench',
  ].map((folder) => `${folder}/package.json`)
  const manifests = paths.map((path) => ({ path, manifest: JSON.parse(read(path)) }))
  const known = manifests.filter(({ manifest }) => !manifest.private).map(({ manifest }) => manifest.name)

  const files = readdirSync(join(root, '.changeset')).filter(
    (name) => name.endsWith('.md') && name !== 'README.md',
  )
  if (files.length === 0) throw new SetupError('There is nothing to release: .changeset holds no changeset.')
  const changesets = files.map((name) => {
    try {
      return parseChangeset(read(`.changeset/${name}`), known)
    } catch (error) {
      throw new SetupError(`.changeset/${name}: ${error.message}`)
    }
  })

  const version = nextVersion(
    manifests.find(({ path }) => path === 'packages/core/package.json').manifest.version,
    changesets,
  )
  for (const { path, manifest } of manifests)
    write(path, `${JSON.stringify(withVersion(manifest, version), undefined, 2)}\n`)
  const date = new Date().toISOString().slice(0, 10)
  write('CHANGELOG.md', withEntry(read('CHANGELOG.md'), releaseEntry(version, date, changesets)))
  for (const name of files) rmSync(join(root, '.changeset', name))
  say('release', `${version}: review CHANGELOG.md, commit, and tag the commit v${version}`)
  return runInForeground('npm', ['install', '--package-lock-only', '--no-audit', '--no-fund'], { cwd: root })
})
