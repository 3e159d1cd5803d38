import { readFile } from 'node:fs/promises'

/** The first column of the README's table of metrics, which a test compares with what is served. */
export async function documentedMetrics(): Promise<string[]> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const [, table = ''] = /^\| metric .*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(readme) ?? []
  const columns = table.split('\n').map((row) => row.split('|')[1] ?? '')
  return columns.flatMap((names) => [...names.matchAll(/`(\w+)[`{]/g)].map(([, name = '']) => name))
}
