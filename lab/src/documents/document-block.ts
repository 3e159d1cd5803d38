import { readFileSync } from 'node:fs'
import { codeBlocks } from './code-blocks.js'

/** The same from `src` and from `dist`. */
const ROOT = new URL('../../../', import.meta.url)

/**
 * The text of the one block of a document whose text begins so: a test runs it, or compares with it what its own program
 * printed. `tests/structure` finds the blocks that no test takes by such a call, so both arguments are literals there.
 *
 * @param document path from the root of the repository
 * @param substitutes what the test has in place of values of the block, such as addresses and paths
 * @throws if no block of the document begins so, or several do, or one of those values is not in it
 */
export function documentBlock(
  document: string,
  beginning: string,
  substitutes: Readonly<Record<string, string>> = {},
): string {
  const blocks = codeBlocks(document, readFileSync(new URL(document, ROOT), 'utf8'))
  const [found, ...others] = blocks.filter(({ text }) => text.startsWith(beginning))
  if (found === undefined) throw new Error(`${document}: no block begins with: ${beginning}`)
  if (others.length > 0) {
    const lines = [found, ...others].map(({ line }) => line).join(', ')
    throw new Error(`${document}: several blocks begin with: ${beginning} (lines ${lines})`)
  }
  return Object.entries(substitutes).reduce((text, [value, substitute]) => {
    if (!text.includes(value))
      throw new Error(`${document}: no ${value} is in the block of line ${found.line}`)
    return text.replaceAll(value, substitute)
  }, found.text)
}
