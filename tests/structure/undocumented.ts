import ts from 'typescript'
import { exportsOf, isHidden, typeChecker } from './public-types.js'
import { lineOf, type SourceTree } from './source-tree.js'

/**
 * What published packages export without a doc comment, a sentence each: names, and the members of their interfaces,
 * classes and object types. A member that overrides or implements a documented one has that one's comment.
 *
 * Not asked for: what is private, and members that say themselves what they are (`saysItself`).
 */
export function undocumented(tree: SourceTree): readonly string[] {
  const checker = typeChecker(tree)
  const isDocumented = (symbol: ts.Symbol | undefined): boolean =>
    symbol !== undefined && symbol.getDocumentationComment(checker).length > 0
  return tree.packages.flatMap((one) => {
    if (one.manifest.private === true) return []
    return [...exportsOf(tree, one, checker)].flatMap(([symbol, name]) => {
      const declarations = symbol.declarations ?? []
      // What another package declares is asked for there.
      const own = declarations.filter((node) => node.getSourceFile().fileName.startsWith(`${one.folder}/`))
      const [first] = own
      if (first === undefined) return []
      const members = own.flatMap(membersOf).filter((member) => !saysItself(member))
      const bare = members.filter(({ name: at }) => !isDocumented(at && checker.getSymbolAtLocation(at)))
      return [
        ...(isDocumented(symbol) ? [] : [finding(first, name)]),
        ...bare.map((member) => finding(member, `${name}.${member.name?.getText()}`)),
      ]
    })
  })
}

function finding(node: ts.Node, name: string): string {
  const source = node.getSourceFile()
  return (
    `${source.fileName}:${lineOf(source, node)} ${name} has no doc comment: say its shape, unit, range, default, errors ` +
    'and the source of a number, as far as a reader would ask, and nothing that its name and type say already.'
  )
}

type Member = ts.ClassElement | ts.TypeElement

function membersOf(node: ts.Declaration): readonly Member[] {
  if (ts.isClassDeclaration(node)) return node.members.filter((member) => !isHidden(member))
  if (ts.isInterfaceDeclaration(node)) return node.members
  return ts.isTypeAliasDeclaration(node) ? membersOfType(node.type) : []
}

function membersOfType(node: ts.TypeNode): readonly Member[] {
  if (ts.isTypeLiteralNode(node)) return node.members
  if (ts.isUnionTypeNode(node) || ts.isIntersectionTypeNode(node)) return node.types.flatMap(membersOfType)
  return ts.isParenthesizedTypeNode(node) ? membersOfType(node.type) : []
}

/**
 * A constructor and a call signature, which have no name: the comment of the class or type is theirs. A method of the
 * language's own, such as `[Symbol.asyncDispose]`. A member that can have one value only, such as `kind: 'route'`; and,
 * among the types of a union, one that tells them apart, which the comment of the union explains.
 */
function saysItself(member: Member): boolean {
  if (member.name === undefined) return true
  if (ts.isComputedPropertyName(member.name)) return member.name.expression.getText().startsWith('Symbol.')
  if (!ts.isPropertySignature(member) && !ts.isPropertyDeclaration(member)) return false
  const { type } = member
  if (type === undefined) {
    const value = ts.isPropertyDeclaration(member) ? member.initializer : undefined
    return value !== undefined && ts.isStringLiteral(value)
  }
  return ts.isLiteralTypeNode(type) || (isInUnion(member) && isUnionOfLiterals(type))
}

const isInUnion = (member: Member): boolean =>
  ts.isTypeLiteralNode(member.parent) && ts.isUnionTypeNode(member.parent.parent)

const isUnionOfLiterals = (type: ts.TypeNode): boolean =>
  ts.isUnionTypeNode(type) && type.types.every(ts.isLiteralTypeNode)
