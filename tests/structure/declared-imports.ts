import { type Package, packageOf, type SourceTree } from './source-tree.js'

/** Imports of packages that the importing package does not declare, a sentence each. */
export function undeclaredImports(tree: SourceTree): readonly string[] {
  return tree.packages.flatMap((one) => {
    const installed = declared(one, ['dependencies', 'peerDependencies', 'optionalDependencies'])
    const forWork = [...installed, ...declared(one, ['devDependencies'])]
    // A program is bundled when it is built: what is in the bundle need not be installed with it.
    const ofSources = one.manifest.bin === undefined ? installed : forWork
    const ofTests = [...forWork, ...tree.tools]
    return one.files.flatMap(({ path, imports, isTest }) =>
      imports.flatMap(({ specifier, line }) => {
        const name = packageOf(specifier)
        if (name === undefined || (isTest ? ofTests : ofSources).includes(name)) return []
        const where = isTest ? 'devDependencies' : 'dependencies'
        return [
          `${path}:${line} imports ${name}, which ${one.folder}/package.json does not declare: ` +
            `add it to its ${where}, or do without it.`,
        ]
      }),
    )
  })
}

type Field = 'dependencies' | 'peerDependencies' | 'optionalDependencies' | 'devDependencies'

/** A package may name itself, as its users do. */
const declared = ({ name, manifest }: Package, fields: readonly Field[]): readonly string[] => [
  name,
  ...fields.flatMap((field) => Object.keys(manifest[field] ?? {})),
]
