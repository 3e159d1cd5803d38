import { expect } from 'vitest'
import { SourceTree } from './source-tree.js'

/** What a check finds in the repository; read once for all checks of a test file. */
let repository: SourceTree | undefined

type Check = (tree: SourceTree) => readonly string[]

/** Fails with every finding that `known` does not excuse, and with every entry of `known` that excuses none. */
export function expectClean(check: Check, known: readonly string[]): void {
  repository ??= SourceTree.read()
  const found = check(repository)
  const unknown = found.filter((finding) => !known.some((entry) => finding.includes(entry)))
  const stale = known.filter((entry) => !found.some((finding) => finding.includes(entry)))
  expect(unknown, unknown.join('\n')).toEqual([])
  expect(stale, 'no longer needed; delete from tests/structure/known-offenders.ts').toEqual([])
}

/** A tree of the packages named, each with an entry point unless its files say otherwise. */
export function treeOf(
  packages: Readonly<Record<string, { manifest?: object; files: Readonly<Record<string, string>> }>>,
): SourceTree {
  const texts: Record<string, string> = {
    'package.json': JSON.stringify({ devDependencies: { vitest: '1' } }),
  }
  for (const [name, { manifest, files }] of Object.entries(packages)) {
    const folder = `packages/${name}`
    texts[`${folder}/package.json`] = JSON.stringify({
      name: `@selvedge/${name}`,
      exports: { '.': { default: './dist/index.js' } },
      ...manifest,
    })
    for (const [path, text] of Object.entries(files)) texts[`${folder}/${path}`] = text
  }
  return new SourceTree(texts)
}
