import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'

const indentation = (line: string): number => /^ */.exec(line)?.[0].length ?? 0

/** Whether the block's lines follow one another in the text, whatever their common indentation there. */
export function isPartOf(text: string, block: string): boolean {
  const wanted = block.split('\n')
  const lines = text.split('\n')
  const [first = ''] = wanted
  return lines.some((line, start) => {
    if (line.trim() !== first.trim()) return false
    const depth = indentation(line) - indentation(first)
    if (depth < 0) return false
    return wanted.every((want, i) => {
      const have = lines[start + i]?.trimEnd()
      return have === (want === '' ? '' : `${' '.repeat(depth)}${want}`)
    })
  })
}

const TEXT = new Set([
  '.ts',
  '.mts',
  '.mjs',
  '.js',
  '.sh',
  '.txt',
  '.json',
  '.yml',
  '.yaml',
  '.conf',
  '.conflist',
  '.default',
  '.nft',
  '',
])

/** The files below folders of the repository that a block may be a part of. */
export function textFiles(root: string, folders: readonly string[]): Map<string, string> {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && TEXT.has(extname(entry.name)))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !/\/(?:node_modules|dist|\.cache)\//.test(path)),
  )
  return new Map(paths.map((path) => [path.slice(root.length), readFileSync(path, 'utf8')]))
}
