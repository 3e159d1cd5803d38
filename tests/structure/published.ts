import { linksOf, pathInRepository, REPOSITORY } from './repository-links.js'

/** What a tarball is made of, as far as the rules below read it. */
export interface Published {
  /** From the root of the repository: `packages/core`. */
  readonly folder: string
  readonly manifest: Readonly<Record<string, unknown>>
  readonly readme: string | undefined
  readonly license: string | undefined
  /** The sources of what `exports` names, by subpath. */
  readonly entries: Readonly<Record<string, string>>
}

/** What all packages share. */
export interface Repository {
  readonly license: string
  readonly engines: unknown
  readonly version: string
}

/** What a stranger who has the tarball alone would miss, a sentence each. */
export function unpublishable(one: Published, repository: Repository): readonly string[] {
  const found = [
    ...metadata(one, repository),
    ...documents(one, repository),
    ...entryPoints(one),
    ...ownDependencies(one, repository),
  ]
  return found.map((sentence) => `${one.folder}: ${sentence}`)
}

function* metadata({ folder, manifest }: Published, { engines, version }: Repository): Iterable<string> {
  const expected = {
    version,
    homepage: `${REPOSITORY}/tree/main/${folder}#readme`,
    bugs: `${REPOSITORY}/issues`,
    repository: { type: 'git', url: `git+${REPOSITORY}.git`, directory: folder },
    license: 'Apache-2.0',
    type: 'module',
    engines,
  }
  for (const [field, value] of Object.entries(expected)) {
    const [actual, wanted] = [JSON.stringify(manifest[field]), JSON.stringify(value)]
    if (actual !== wanted) yield `package.json has ${field} ${actual}, not ${wanted}`
  }
  if (typeof manifest.description !== 'string') yield 'package.json has no description'
  const keywords = listOf(manifest.keywords)
  if (keywords.length < 3) yield 'package.json has fewer than three keywords'
  if (manifest.sideEffects === undefined) {
    yield 'package.json does not say whether it has sideEffects; false, unless a file works when it is imported'
  }
  const files = listOf(manifest.files)
  if (!files.includes('README.md')) yield 'package.json names no README.md among its files'
  if (files.includes('dist') && !files.includes('!dist/**/*.test.*')) yield 'its tarball would have tests'
}

function* documents({ folder, readme, license }: Published, repository: Repository): Iterable<string> {
  if (license !== repository.license)
    yield `LICENSE is not a copy of the root's: cp LICENSE ${folder}/LICENSE`
  if (readme === undefined) yield 'there is no README.md'
  for (const target of linksOf(readme ?? '')) {
    if (!/^(https:|#)/.test(target)) {
      yield `README.md links to ${target}, which is not in the tarball: link to ${REPOSITORY}/blob/main/…`
    } else if (target.startsWith(REPOSITORY) && pathInRepository(target) === undefined) {
      yield `README.md links to ${target}, which is no file or folder of the main branch`
    }
  }
}

function* entryPoints({ manifest, entries }: Published): Iterable<string> {
  const exports = Object.entries(manifest.exports ?? {}).filter(([subpath]) => subpath !== './package.json')
  if (exports.length === 0) return
  if (Reflect.get(Object(manifest.exports), './package.json') !== './package.json') {
    yield 'package.json is not among its exports, and tools look there'
  }
  for (const [subpath, target] of exports) {
    if (Object.keys(Object(target)).join() !== 'types,default') {
      yield `its export ${subpath} needs types, then default`
    }
    if (/^export \*/m.test(entries[subpath] ?? '')) {
      yield `its export ${subpath} has "export *": export by name, so that a new name is a decision`
    }
  }
  // Declarations name AbortSignal and Buffer. An application brings the version of its own Node.js.
  const types = Reflect.get(Object(manifest.peerDependencies), '@types/node')
  if (types !== '>=20') yield `its peerDependencies have @types/node ${types}, not >=20`
  const isOptional = Reflect.get(
    Object(Reflect.get(Object(manifest.peerDependenciesMeta), '@types/node')),
    'optional',
  )
  if (isOptional !== true) yield '@types/node is to be an optional peer dependency: JavaScript needs none'
}

function* ownDependencies({ manifest }: Published, { version }: Repository): Iterable<string> {
  const fields = { dependencies: `^${version}`, peerDependencies: `^${version}`, devDependencies: version }
  for (const [field, wanted] of Object.entries(fields)) {
    for (const [name, range] of Object.entries(Object(manifest[field]))) {
      if (name.startsWith('@selvedge/') && range !== wanted) {
        yield `its ${field} have ${name} ${range}, not ${wanted}`
      }
    }
  }
  if (Reflect.has(Object(manifest.dependencies), '@selvedge/core')) {
    yield 'core is a peer dependency, so that an application has one copy'
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
