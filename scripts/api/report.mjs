import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

/**
 * What the entry points of each published package export, as declarations without comments, sorted: a text by package
 * folder, such as `packages/core`. Reads the declarations that `tsc -b` has written.
 */
export function apiReports(root) {
  const entries = entryPoints(root)
  const program = programOf(entries)
  const checker = program.getTypeChecker()
  const packageOf = ownerIn(root)
  const nameOf = new Map(entries.map(({ folder, name }) => [folder, name]))
  const folders = [...new Set(entries.map(({ folder }) => folder))]
  return new Map(
    folders.map((folder) => {
      const sections = entries.filter((entry) => entry.folder === folder)
      /** Where a name that several entry points export is printed. */
      const printed = new Map()
      const texts = sections.map(({ specifier, file }) => {
        const module = checker.getSymbolAtLocation(program.getSourceFile(file))
        const items = checker.getExportsOfModule(module).map((symbol) => {
          const { name } = symbol
          const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
          const owner = packageOf(target.declarations[0].getSourceFile().fileName)
          const elsewhere = owner === folder ? printed.get(target) : (nameOf.get(owner) ?? owner)
          printed.set(target, specifier)
          const text =
            elsewhere === undefined ? declarationsOf(target, name) : `export { ${name} } from '${elsewhere}'`
          return { name, text }
        })
        items.sort((a, b) => (a.name < b.name ? -1 : 1))
        return `// ${specifier}\n\n${items.map(({ text }) => text).join('\n\n')}\n`
      })
      return [folder, `${HEADER}\n${texts.join('\n')}`]
    }),
  )
}

const HEADER = `// What users of this package can import, without comments. \`npm run api\` writes it.\n`

/** Sorted. `file` has the declarations of what the package exports as `specifier`. */
function entryPoints(root) {
  return readdirSync(join(root, 'packages'))
    .sort()
    .flatMap((name) => {
      const folder = `packages/${name}`
      const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
      if (manifest.private) return []
      return Object.entries(manifest.exports ?? {}).flatMap(([subpath, { default: built }]) => {
        if (built === undefined) return []
        const file = join(root, folder, built.replace(/\.js$/, '.d.ts'))
        if (!existsSync(file)) throw new Error(`${file} is missing: npx tsc -b`)
        return [{ folder, name: manifest.name, specifier: manifest.name + subpath.slice(1), file }]
      })
    })
}

/** Knows our own declarations alone: those of the language and of third parties take seconds to read. */
function programOf(entries) {
  const files = new Map(entries.map(({ specifier, file }) => [specifier, file]))
  const options = { noLib: true, types: [], module: ts.ModuleKind.NodeNext }
  const host = ts.createCompilerHost(options)
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      const own = /^\.\.?\//.test(text)
        ? resolve(dirname(from), text.replace(/\.js$/, '.d.ts'))
        : files.get(text)
      return { resolvedModule: own && { resolvedFileName: own, extension: ts.Extension.Dts } }
    })
  return ts.createProgram([...files.values()], options, host)
}

/** The package that a file belongs to: a folder of this repository, or the name of another's. */
const ownerIn = (root) => (file) => {
  const path = relative(root, file).split('\\').join('/')
  const [, name] = /.*node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(path) ?? []
  return name ?? path.split('/').slice(0, 2).join('/')
}

const printer = ts.createPrinter({ removeComments: true })

/** The declarations of a symbol, under the name that users know. */
function declarationsOf(symbol, name) {
  const texts = symbol.declarations.map((declaration) => {
    const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
    const shown = ts.isClassDeclaration(node) ? withoutPrivateMembers(node) : node
    return printer.printNode(ts.EmitHint.Unspecified, shown, declaration.getSourceFile())
  })
  const renamed = symbol.name === name ? '' : `// as ${name}\n`
  return renamed + texts.join('\n')
}

function withoutPrivateMembers(statement) {
  const members = statement.members.filter(
    (member) => !member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword),
  )
  const { modifiers, name, typeParameters, heritageClauses } = statement
  return ts.factory.updateClassDeclaration(
    statement,
    modifiers,
    name,
    typeParameters,
    heritageClauses,
    members,
  )
}
