import ts from 'typescript'
import { lineOf, type Package, packageOf, type SourceTree } from './source-tree.js'

/**
 * Types that a public declaration names and that cannot be imported, a sentence each: neither from an entry point of
 * its package nor, if another package declares them, from one of that package's. Types of third parties and of the
 * language are not looked at.
 */
export function unimportableTypes(tree: SourceTree): readonly string[] {
  const checker = typeChecker(tree)
  const published = new Map(tree.packages.map((one) => [one.folder, exportsOf(tree, one, checker)]))
  const ownerOf = ({ declarations }: ts.Symbol): Package | undefined => {
    const path = declarations?.[0]?.getSourceFile().fileName ?? ''
    return tree.packages.find(({ folder }) => path.startsWith(`${folder}/`))
  }
  return tree.packages.flatMap((one) => {
    if (one.manifest.private === true) return []
    const found = new Map<ts.Symbol, string>()
    for (const [symbol, name] of published.get(one.folder) ?? []) {
      const surface = new Surface(checker, (used, at) => {
        const owner = ownerOf(used)
        if (owner === undefined || published.get(owner.folder)?.has(used) || found.has(used)) return
        const source = at.getSourceFile()
        found.set(
          used,
          `${source.fileName}:${lineOf(source, at)} ${name} names ${used.name}, which ${owner.name} does not ` +
            `export: export it from an entry point of ${owner.folder}, or keep it out of what is public.`,
        )
      })
      for (const declaration of symbol.declarations ?? []) surface.declaration(declaration)
    }
    return [...found.values()]
  })
}

/** All that the entry points of a package export, with the names that it has there. */
export function exportsOf(
  tree: SourceTree,
  one: Package,
  checker: ts.TypeChecker,
): ReadonlyMap<ts.Symbol, string> {
  const found = new Map<ts.Symbol, string>()
  for (const subpath of Object.keys(one.manifest.exports ?? {})) {
    const entry = tree.entry(one, subpath)
    const module = entry && checker.getSymbolAtLocation(entry.syntax)
    if (module === undefined) continue
    for (const symbol of checker.getExportsOfModule(module)) found.set(target(checker, symbol), symbol.name)
  }
  return found
}

const target = (checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol =>
  (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol

type OnUse = (symbol: ts.Symbol, at: ts.Node) => void

/** What of a declaration its users see, and the types that it names there. */
class Surface {
  readonly #checker: ts.TypeChecker
  readonly #onUse: OnUse
  readonly #seen = new Set<ts.Type>()

  constructor(checker: ts.TypeChecker, onUse: OnUse) {
    this.#checker = checker
    this.#onUse = onUse
  }

  declaration(node: ts.Declaration): void {
    if (ts.isClassDeclaration(node)) {
      for (const clause of node.heritageClauses ?? []) this.#written(clause)
      for (const member of node.members) if (!isHidden(member)) this.#member(member)
    } else if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) this.#written(node)
    else this.#member(node)
  }

  #member(node: ts.Declaration): void {
    if (ts.isFunctionLike(node)) {
      for (const parameter of node.typeParameters ?? []) this.#written(parameter)
      for (const parameter of node.parameters) this.#member(parameter)
      if (node.type !== undefined) this.#written(node.type)
      else if (!ts.isConstructorDeclaration(node)) {
        const signature = this.#checker.getSignatureFromDeclaration(node)
        if (signature !== undefined) this.#inferred(signature.getReturnType(), node)
      }
    } else if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node) || ts.isParameter(node)) {
      if (node.type !== undefined) this.#written(node.type)
      else this.#inferred(this.#checker.getTypeAtLocation(node), node)
    }
  }

  /** Types as they are written: every name in them. */
  #written(node: ts.Node): void {
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isTypeQueryNode(node)
          ? node.exprName
          : undefined
    if (name !== undefined) this.#use(this.#checker.getSymbolAtLocation(name), node)
    ts.forEachChild(node, (child) => this.#written(child))
  }

  /** Types that the compiler finds out: the names that a declaration file would hold. */
  #inferred(type: ts.Type, at: ts.Node): void {
    if (this.#seen.has(type)) return
    this.#seen.add(type)
    const symbol = type.aliasSymbol ?? type.getSymbol()
    const isNamed = symbol !== undefined && (symbol.flags & NAMED) !== 0
    if (isNamed) this.#use(symbol, at)
    const parts = type.isUnionOrIntersection() ? type.types : this.#typeArguments(type)
    for (const part of parts) this.#inferred(part, at)
    if (isNamed) return
    for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
      this.#inferred(signature.getReturnType(), at)
      for (const parameter of signature.parameters) {
        this.#inferred(this.#checker.getTypeOfSymbolAtLocation(parameter, at), at)
      }
    }
    if ((type.flags & ts.TypeFlags.Object) === 0) return
    for (const property of type.getProperties()) {
      this.#inferred(this.#checker.getTypeOfSymbolAtLocation(property, at), at)
    }
  }

  #typeArguments(type: ts.Type): readonly ts.Type[] {
    if (type.aliasTypeArguments !== undefined) return type.aliasTypeArguments
    const isReference =
      (type.flags & ts.TypeFlags.Object) !== 0 &&
      ((type as ts.ObjectType).objectFlags & ts.ObjectFlags.Reference) !== 0
    return isReference ? this.#checker.getTypeArguments(type as ts.TypeReference) : []
  }

  #use(symbol: ts.Symbol | undefined, at: ts.Node): void {
    if (symbol === undefined) return
    const used = target(this.#checker, symbol)
    if ((used.flags & NAMED) !== 0) this.#onUse(used, at)
  }
}

const NAMED = ts.SymbolFlags.Interface | ts.SymbolFlags.Class | ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Enum

export function isHidden(member: ts.ClassElement): boolean {
  if (member.name !== undefined && ts.isPrivateIdentifier(member.name)) return true
  return (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0
}

const checkers = new WeakMap<SourceTree, ts.TypeChecker>()

/**
 * A checker that knows the sources alone: neither the language's own types nor those of third parties, which would take
 * seconds to read and are not ours to export.
 */
export function typeChecker(tree: SourceTree): ts.TypeChecker {
  const known = checkers.get(tree)
  if (known !== undefined) return known
  const files = new Map(tree.files.map((file) => [file.path, file]))
  const resolve = (specifier: string, from: string): ts.ResolvedModuleFull | undefined => {
    const file = files.get(from)
    const owner = tree.package(packageOf(specifier) ?? '')
    const found =
      owner === undefined
        ? file && tree.resolveRelative(file, { specifier, line: 0 })
        : tree.entry(owner, `.${specifier.slice(owner.name.length)}`)
    return found && { resolvedFileName: found.path, extension: ts.Extension.Ts }
  }
  const options: ts.CompilerOptions = {
    noLib: true,
    types: [],
    strict: true,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  }
  const program = ts.createProgram({
    rootNames: tree.files
      .filter(({ isTest, path }) => !isTest && path.endsWith('.ts'))
      .map(({ path }) => path),
    options,
    host: {
      getSourceFile: (path) => files.get(path)?.syntax,
      resolveModuleNameLiterals: (literals, from) =>
        literals.map(({ text }) => ({ resolvedModule: resolve(text, from) })),
      fileExists: (path) => files.has(path),
      readFile: () => undefined,
      getDefaultLibFileName: () => 'lib.d.ts',
      getCurrentDirectory: () => '',
      getCanonicalFileName: (path) => path,
      useCaseSensitiveFileNames: () => true,
      getNewLine: () => '\n',
      writeFile: () => {},
    },
  })
  const checker = program.getTypeChecker()
  checkers.set(tree, checker)
  return checker
}
