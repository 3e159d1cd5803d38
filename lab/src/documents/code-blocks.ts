/** A fenced block of a document. */
export interface CodeBlock {
  readonly document: string
  /** Such as `ts`; empty if it names none. */
  readonly language: string
  /** Of its fence. */
  readonly line: number
  /** Without the indentation that all lines have. */
  readonly text: string
}

const FENCE = /^(\s*)```(\S*)/

/** Throws if a fence is not closed. */
export function codeBlocks(document: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let open: { language: string; line: number; lines: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, , language] = FENCE.exec(line) ?? []
    if (open === undefined) {
      if (language !== undefined) open = { language, line: index + 1, lines: [] }
    } else if (language === '') {
      blocks.push({ document, language: open.language, line: open.line, text: dedent(open.lines) })
      open = undefined
    } else open.lines.push(line)
  }
  if (open !== undefined) throw new Error(`${document}:${open.line}: this fence is not closed`)
  return blocks
}

const indentation = (line: string): number => /^ */.exec(line)?.[0].length ?? 0

function dedent(lines: readonly string[]): string {
  const depth = Math.min(...lines.filter((line) => line.trim() !== '').map(indentation))
  return lines
    .map((line) => line.slice(Number.isFinite(depth) ? depth : 0).trimEnd())
    .join('\n')
    .trim()
}
