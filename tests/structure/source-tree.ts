import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** What is read of a package.json. */
interface Manifest {
  readonly name: string
  /** Not published. */
  readonly private?: boolean
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | { readonly default?: string }>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** One npm workspace. */
export interface Package {
  readonly name: string
  /** From the root of the repository: `packages/core`. */
  readonly folder: string
  readonly manifest: Manifest
  /** Its sources and tests. */
  readonly files: readonly SourceFile[]
}

/** A reference to another module, whichever way it is written; `import type` counts as any other. */
export interface Import {
  readonly specifier: string
  /** From 1. */
  readonly line: number
}

export class SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string
  readonly imports: readonly Import[]
  readonly isTest: boolean
  readonly #text: string
  #syntax: ts.SourceFile | undefined

  constructor(path: string, text: string) {
    this.path = path
    this.imports = importsOf(text)
    this.isTest = /\.test\.m?ts$/.test(path) || /^[^/]+(\/[^/]+)?\/tests\//.test(path)
    this.#text = text
  }

  /** Parsed when it is first asked for: most files are asked for their imports alone. */
  get syntax(): ts.SourceFile {
    this.#syntax ??= ts.createSourceFile(this.path, this.#text, ts.ScriptTarget.Latest, true)
    return this.#syntax
  }
}

/** The packages of the repository as the checks see them: made from the disk, or from a few lines in a test. */
export class SourceTree {
  readonly packages: readonly Package[]
  /** What the root's package.json gives to the tests of every package. */
  readonly tools: readonly string[]
  readonly #files = new Map<string, SourceFile>()

  /** @param texts by path from the root of the repository */
  constructor(texts: Readonly<Record<string, string>>) {
    const root = texts['package.json']
    this.tools = root === undefined ? [] : Object.keys(JSON.parse(root).devDependencies ?? {})
    const manifests = Object.keys(texts).filter((path) => path.endsWith('/package.json'))
    this.packages = manifests.map((path) => {
      const folder = dirname(path)
      const own = Object.keys(texts).filter(
        (other) => other.startsWith(`${folder}/`) && /\.m?[jt]s$/.test(other),
      )
      const files = own.map((file) => new SourceFile(file, texts[file] ?? ''))
      for (const file of files) this.#files.set(file.path, file)
      const manifest: Manifest = JSON.parse(texts[path] ?? '')
      return { name: manifest.name, folder, manifest, files }
    })
  }

  /** The packages, the lab, the examples and the benchmarks, as they are on the disk. */
  static read(root: string = repositoryRoot): SourceTree {
    const texts: Record<string, string> = {}
    const read = (path: string) => {
      texts[relative(root, path).split(sep).join('/')] = readFileSync(path, 'utf8')
    }
    const walk = (folder: string) => {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) {
          if (!SKIPPED.test(entry.name)) walk(path)
        } else if (entry.name === 'package.json' || /(?<!\.d)\.m?[jt]s$/.test(entry.name)) read(path)
      }
    }
    read(join(root, 'package.json'))
    for (const folder of ['packages', 'lab', 'examples', 'bench']) walk(join(root, folder))
    return new SourceTree(texts)
  }

  get files(): readonly SourceFile[] {
    return [...this.#files.values()]
  }

  package(name: string): Package | undefined {
    return this.packages.find((one) => one.name === name)
  }

  /** The file that a relative import leads to; undefined for any other import, and for what is not there. */
  resolveRelative(from: SourceFile, { specifier }: Import): SourceFile | undefined {
    if (!isRelative(specifier)) return undefined
    const path = normalize(join(dirname(from.path), specifier))
    return this.#files.get(path) ?? this.#files.get(path.replace(/\.(m?)js$/, '.$1ts'))
  }

  /** The source of an entry point of a package, such as `.` or `./kit`. */
  entry({ folder, manifest }: Package, subpath: string): SourceFile | undefined {
    const target = manifest.exports?.[subpath]
    const built = typeof target === 'string' ? target : target?.default
    if (built === undefined) return undefined
    const path = normalize(join(folder, built)).replace('/dist/', '/src/')
    return this.#files.get(path.replace(/\.(m?)js$/, '.$1ts'))
  }
}

export const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** Built, installed, or not ours to check. */
const SKIPPED = /^(node_modules|dist|bundle|\..*)$/

export const isRelative = (specifier: string): boolean => /^\.\.?\//.test(specifier)

/** `@grpc/grpc-js` of `@grpc/grpc-js/build/src/index.js`; undefined for a relative path and for what Node.js brings. */
export function packageOf(specifier: string): string | undefined {
  if (isRelative(specifier) || specifier.startsWith('node:')) return undefined
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}

function importsOf(text: string): readonly Import[] {
  const { importedFiles } = ts.preProcessFile(text, true, true)
  return importedFiles.map(({ fileName, pos }) => ({
    specifier: fileName,
    line: text.slice(0, pos).split('\n').length,
  }))
}

/** From 1. */
export const lineOf = (syntax: ts.SourceFile, node: ts.Node): number =>
  syntax.getLineAndCharacterOfPosition(node.getStart(syntax)).line + 1
