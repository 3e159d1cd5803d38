import ts from 'typescript'

/** A call of `documentBlock` whose result is used. */
export interface BlockCall {
  /** The file that makes it, from the root, and the line. */
  readonly at: string
  readonly document: string
  readonly beginning: string
}

/** Those of a source whose arguments are literals: what they name is known without running it. */
export function blockCalls(path: string, text: string): BlockCall[] {
  if (!text.includes('documentBlock(')) return []
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const found: BlockCall[] = []
  const visit = (node: ts.Node): void => {
    if (
      ts.isCallExpression(node) &&
      ts.isIdentifier(node.expression) &&
      node.expression.text === 'documentBlock' &&
      !ts.isExpressionStatement(node.parent)
    ) {
      const [document, beginning] = node.arguments
      if (document && ts.isStringLiteralLike(document) && beginning && ts.isStringLiteralLike(beginning)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart())
        found.push({ at: `${path}:${line + 1}`, document: document.text, beginning: beginning.text })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** The calls in all tests of the repository. */
export const blockCallsOf = (sources: ReadonlyMap<string, string>): BlockCall[] =>
  [...sources].flatMap(([path, text]) => blockCalls(path, text))
