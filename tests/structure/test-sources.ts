import { readdirSync, readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'

/** Where tests are: the packages' own, those of the workspaces that no one publishes, and what runs READMEs as a stranger would. */
const FOLDERS = ['packages', 'lab', 'examples', 'tests', 'site', 'scripts/consumer']
const IS_TEST = /\.test\.m?ts$|\.test\.mjs$|\/tests\/.*\.ts$|^scripts\/consumer\/.*\.mjs$/
const IS_OTHERS = /node_modules|\/dist\//
/** The tests of `documentBlock` take any block. */
const HELPER = 'lab/src/documents/'

/** All tests of the repository and what they are made of, by their paths. */
export function testSources(root: string): ReadonlyMap<string, string> {
  const paths = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  )
  const tests = paths.filter(
    (path) => IS_TEST.test(path) && !IS_OTHERS.test(path) && !path.startsWith(HELPER),
  )
  return new Map(tests.map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

/** Whether a test names a file in a literal: by its name, or without the ending if that is TypeScript's. It may be a test itself. */
export function isNamedByTest(path: string, sources: ReadonlyMap<string, string>): boolean {
  const name = basename(path)
  const names = extname(name) === '.ts' ? [name, name.replace('.ts', '.js'), name.replace('.ts', '')] : [name]
  const quoted = new RegExp(
    `['"/\`](?:${names.map((each) => each.replaceAll('.', '\\.')).join('|')})['"\`\\s]`,
  )
  return IS_TEST.test(path) || [...sources.values()].some((text) => quoted.test(text))
}
