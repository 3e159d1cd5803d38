import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Published, type Repository, unpublishable } from './published.js'
import { REPOSITORY } from './repository-links.js'
import { repositoryRoot } from './source-tree.js'

const read = (path: string) => {
  const full = join(repositoryRoot, path)
  return existsSync(full) ? readFileSync(full, 'utf8') : undefined
}

const json = (path: string) => JSON.parse(read(path) ?? '{}')

const folders = readdirSync(join(repositoryRoot, 'packages')).map((name) => `packages/${name}`)

function published(folder: string): Published {
  const manifest = json(`${folder}/package.json`)
  const targets = Object.entries<{ default?: string }>(manifest.exports ?? {})
  const sourceOf = (built: string) => `${folder}/${built.replace('./dist/', 'src/').replace(/js$/, 'ts')}`
  return {
    folder,
    manifest,
    readme: read(`${folder}/README.md`),
    license: read(`${folder}/LICENSE`),
    entries: Object.fromEntries(
      targets.flatMap(([subpath, { default: built }]) =>
        built === undefined ? [] : [[subpath, read(sourceOf(built)) ?? `export * from '${built}'`]],
      ),
    ),
  }
}

const repository: Repository = {
  license: read('LICENSE') ?? '',
  engines: json('package.json').engines,
  version: json('packages/core/package.json').version,
}

describe('the tarball', () => {
  it.each(folders)('of %s has all that a stranger needs', (folder) => {
    expect(unpublishable(published(folder), repository)).toEqual([])
  })

  it.each(folders)('of %s has source maps that hold their sources, or none', (folder) => {
    const tsconfig = read(`${folder}/tsconfig.json`)
    expect(tsconfig).toContain('"extends": "../../tsconfig.base.json"')
    expect(tsconfig).not.toContain('inlineSources')
    expect(json('tsconfig.base.json').compilerOptions).toMatchObject({ sourceMap: true, inlineSources: true })
  })
})

describe('what a tarball lacks is found', () => {
  const whole = published('packages/core')
  const { keywords: _, ...noKeywords } = whole.manifest

  it.each<[string, Partial<Published>]>([
    ['LICENSE is not a copy', { license: undefined }],
    ['LICENSE is not a copy', { license: 'MIT' }],
    ['there is no README.md', { readme: undefined }],
    ['README.md links to ../cni,', { readme: 'See [cni](../cni).' }],
    ['README.md links to src/a.ts,', { readme: '[a]: src/a.ts' }],
    ['no file or folder of the main branch', { readme: `[x](${REPOSITORY}/wiki)` }],
    ['fewer than three keywords', { manifest: noKeywords }],
    ['has homepage undefined', { manifest: { ...whole.manifest, homepage: undefined } }],
    ['has engines', { manifest: { ...whole.manifest, engines: { node: '>=18' } } }],
    ['has version "9.9.9"', { manifest: { ...whole.manifest, version: '9.9.9' } }],
    ['has sideEffects', { manifest: { ...whole.manifest, sideEffects: undefined } }],
    ['would have tests', { manifest: { ...whole.manifest, files: ['dist', 'README.md'] } }],
    ['needs types, then default', { manifest: { ...whole.manifest, exports: { '.': './dist/index.js' } } }],
    ['"export *"', { entries: { '.': "export * from './x.js'" } }],
    ['have @types/node undefined', { manifest: { ...whole.manifest, peerDependencies: {} } }],
    ['an optional peer', { manifest: { ...whole.manifest, peerDependenciesMeta: undefined } }],
    ['core is a peer', { manifest: { ...whole.manifest, dependencies: { '@selvedge/core': '^0.1.0' } } }],
    ['have @selvedge/x 0.1.0', { manifest: { ...whole.manifest, dependencies: { '@selvedge/x': '0.1.0' } } }],
  ])('%s', (sentence, change) => {
    const found = unpublishable({ ...whole, ...change }, repository)
    expect(found.join('\n')).toContain(sentence)
  })
})
