import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** Where tests are: a package's own, those of the workspaces that no one publishes, and what runs READMEs as a stranger would. */
const FOLDERS = ['packages', 'lab', 'examples', 'tests', 'site', 'scripts/consumer']
const IS_TEST = /\.test\.m?ts$|\.test\.mjs$|\/tests\/.*\.ts$|^scripts\/consumer\/.*\.mjs$/
/** The helper's own tests take any block. */
const HELPER = 'lab/src/documents/'

/** The calls in all tests of the repository. */
export function blockCallsBelow(root: string): BlockCall[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name}`)
      .filter((path) => IS_TEST.test(path) && !/node_modules|\/dist\//.test(path) && !path.startsWith(HELPER))
      .flatMap((path) => blockCalls(path, readFileSync(join(root, path), 'utf8'))),
  )
}
