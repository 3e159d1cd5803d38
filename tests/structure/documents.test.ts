import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { linksOf, pathInRepository, REPOSITORY } from './repository-links.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const SCRIPTS: object = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts
const BENCHMARKS = new Set(
  [...readFileSync(join(ROOT, 'bench/src/benchmarks.ts'), 'utf8').matchAll(/^ {4}name: '([a-z-]+)'/gm)].map(
    ([, name]) => name,
  ),
)

/** The Markdown files of the root, docs/, deploy/, and each workspace. */
function documents(): string[] {
  const subfolders = (folder: string) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name))
  const folders = [
    ...['.', '.changeset', 'docs', 'docs/guides', 'deploy/kubernetes', 'lab', 'examples', 'bench'],
    ...subfolders('packages'),
  ]
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  )
}

/**
 * What a document names and is not there: by relative links, by links to the repository on the web, and by paths in
 * backquotes from the root or its folder.
 */
function missing(path: string, text: string): string[] {
  const exists = (target: string) => existsSync(join(ROOT, target))
  const here = (target: string) => join(dirname(path), target)
  const links = linksOf(text).flatMap((target) => {
    const file = target.replace(/#.*/, '')
    const isElsewhere = file === '' || /^[a-z]+:/.test(file)
    return pathInRepository(target) ?? (isElsewhere ? [] : here(file))
  })
  const paths = [...text.matchAll(/`((?:packages|lab|examples|bench|docs|tests|scripts|deploy)\/[\w./-]+)`/g)]
    .map(([, target = '']) => target)
    .filter((target) => !exists(here(target)))
  return [...links, ...paths].filter((target) => !exists(target))
}

/** What git leaves where a merge found two texts. */
const CONFLICT_MARKER = /^(?:<{7}|>{7}) /m

/** What a document says to run by npm that is no script of the repository, or no benchmark. */
function unknownCommands(text: string): string[] {
  const scripts = [...text.matchAll(/\bnpm run ([a-z][\w:-]*)/g)]
    .map(([command, name = '']) => ({ command, name }))
    .filter(({ name }) => !Object.hasOwn(SCRIPTS, name))
  const benchmarks = [...text.matchAll(/\bnpm run bench -- --only ([a-z-]+)/g)]
    .map(([command, name = '']) => ({ command, name }))
    .filter(({ name }) => !BENCHMARKS.has(name))
  return [...scripts, ...benchmarks].map(({ command }) => command)
}

describe('documents', () => {
  it.each(documents())('%s was merged without a conflict left in it', (path) => {
    expect(readFileSync(join(ROOT, path), 'utf8')).not.toMatch(CONFLICT_MARKER)
  })

  it.each(documents())('%s names files that exist', (path) => {
    expect(missing(path, readFileSync(join(ROOT, path), 'utf8'))).toEqual([])
  })

  it.each(documents())('%s says to run what npm can run here', (path) => {
    expect(unknownCommands(readFileSync(join(ROOT, path), 'utf8'))).toEqual([])
  })

  it('of install sizes has a row for each package that is published', () => {
    const rows = [
      ...readFileSync(join(ROOT, 'docs/install-sizes.md'), 'utf8').matchAll(/^\| `@selvedge\/(.*?)`/gm),
    ]
    expect(rows.map(([, name]) => name).sort()).toEqual(readdirSync(join(ROOT, 'packages')).sort())
  })

  it('are checked: a command that is none, and a benchmark that is none', () => {
    const text =
      '`npm run build`, `npm run bulid`, `npm run bench -- --only cni`, `npm run bench -- --only cnn`'
    expect(unknownCommands(text)).toEqual(['npm run bulid', 'npm run bench -- --only cnn'])
  })

  it('are checked: a link, a path and an anchor of a file that is not there', () => {
    const text =
      'See [one](gone.md), [two](gone-too.md#part), `packages/core/src/gone.ts`, [web](https://example.org).'
    const here = relative(ROOT, fileURLToPath(import.meta.url))
    expect(missing('docs/x.md', text)).toEqual([
      'docs/gone.md',
      'docs/gone-too.md',
      'packages/core/src/gone.ts',
    ])
    const web = `[one](${REPOSITORY}/blob/main/gone.md#part) [two](${REPOSITORY}/tree/main/docs) [three](${REPOSITORY})`
    expect(missing('x.md', web)).toEqual(['gone.md'])
    expect(missing('x.md', `[this](${here}) \`${here}\` [anchor](#part)`)).toEqual([])
  })
})
