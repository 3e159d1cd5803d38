import ts from 'typescript'
import { lineOf, type Package, type SourceFile, type SourceTree } from './source-tree.js'

/** Packages whose settings may come from the environment. */
const READS_ENVIRONMENT = /^packages\/(agent|cni|selvedged)$/

/** What is asked to by an option of its own, `{ discover: true }`, and reads what kubectl reads. */
const DISCOVERS = 'packages/store-kube/src/auth/discovery.ts'

/**
 * What the sources of a package do to the process that they run in and only a program may do, a sentence each. A
 * package with programs (`bin` in its package.json) is one.
 */
export function processUse(tree: SourceTree): readonly string[] {
  return tree.packages
    .filter(({ manifest }) => manifest.private !== true && manifest.bin === undefined)
    .flatMap((one) => one.files.filter((file) => isLibrary(one, file)).flatMap((file) => usesIn(one, file)))
}

const isLibrary = ({ folder }: Package, { path, isTest }: SourceFile): boolean =>
  !isTest && path.startsWith(`${folder}/src/`)

/** `process.kill(-pid, …)`: it ends the process group of a child, not this process. */
const endsGroup = ({ name, parent }: ts.PropertyAccessExpression): boolean =>
  name.text === 'kill' &&
  ts.isCallExpression(parent) &&
  parent.arguments[0] !== undefined &&
  ts.isPrefixUnaryExpression(parent.arguments[0]) &&
  parent.arguments[0].operator === ts.SyntaxKind.MinusToken

function usesIn({ folder }: Package, { path, syntax }: SourceFile): readonly string[] {
  const found: string[] = []
  const report = (node: ts.Node, what: string, remedy: string) =>
    void found.push(`${path}:${lineOf(syntax, node)} ${what}: ${remedy}.`)
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const [object, member] = [node.expression.text, node.name.text]
      if (object === 'console') report(node, `writes to the console`, 'hand in a logger, or report an event')
      if (endsGroup(node)) return
      if (object === 'process' && /^(exit|exitCode|abort|kill|reallyExit)$/.test(member)) {
        report(node, `uses process.${member}`, 'throw, and let the program that runs this decide')
      }
      if (object === 'process' && member === 'env' && !READS_ENVIRONMENT.test(folder) && path !== DISCOVERS) {
        report(node, 'reads the environment', 'take the setting as an option')
      }
      if (object === 'process' && /^(on|once|addListener|prependListener)$/.test(member)) {
        report(node, `listens to the process`, 'take an AbortSignal; only a program handles signals')
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(syntax)
  for (const statement of syntax.statements) {
    if (
      ts.isExpressionStatement(statement) ||
      ts.isIterationStatement(statement, false) ||
      ts.isIfStatement(statement)
    ) {
      report(statement, 'does work when it is imported', 'do it in a function that a caller calls')
    }
  }
  return found
}
