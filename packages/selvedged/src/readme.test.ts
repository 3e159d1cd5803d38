import { readFile } from 'node:fs/promises'
import { backends, readCommandLine } from '@selvedge/agent'
import { expect, test } from 'vitest'

const text = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const rows = text.split('\n').filter((line) => line.startsWith('| '))

/** The names in the first column of those rows. */
const named = (lines: string[]): string[] =>
  lines.flatMap((line) =>
    [...(line.split('|')[1] ?? '').matchAll(/`([\w-]+)[`{]/g)].map(([, name = '']) => name),
  )

interface HelpEntry {
  readonly name: string
  readonly fallback: string | undefined
  readonly isOwn: boolean
}

/** What `selvedged --help` prints of each flag. */
function help(): readonly HelpEntry[] {
  const command = readCommandLine(['--help'], {})
  if (command.type !== 'help') throw new Error('no help')
  const own = command.text.indexOf('Flags that flanneld does not have')
  expect(own).toBeGreaterThan(0)
  return [...command.text.matchAll(/^ {2}-(\w[\w-]*).*\n.*?(?:\(default "(.*)"\))?$/gm)].map(
    ({ 1: name = '', 2: fallback, index }) => ({ name, fallback, isOwn: index > own }),
  )
}

test('the README lists every flag, and no other', () => {
  const from = rows.findIndex((row) => row.startsWith('| flag'))
  const to = rows.findIndex((row) => row.startsWith('| file'))
  const flags = help().map(({ name }) => name)
  expect(named(rows.slice(from, to)).sort()).toEqual([...flags, 'help'].sort())
})

test('it says their defaults', () => {
  const withDefault = help().filter(({ fallback }) => fallback !== undefined)
  expect(withDefault.length).toBeGreaterThan(5)
  for (const { name, fallback } of withDefault)
    expect(rows.find((row) => row.includes(`\`${name}\``))).toContain(`\`${fallback}\``)
})

test('flags that flanneld does not have stand apart', () => {
  const from = text.indexOf('Flags that flanneld does not have')
  for (const { name, isOwn } of help()) expect(text.indexOf(`\`${name}\``) > from, name).toBe(isOwn)
})

test('it names the backends', () => {
  const [, list = ''] = /The backends are\s+(.*?)\. A config/s.exec(text) ?? []
  expect([...list.matchAll(/`([\w-]+)`/g)].map(([, name]) => name)).toEqual(backends.map(({ type }) => type))
})
