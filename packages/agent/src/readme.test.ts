import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { backendTypes } from './backends.js'
import { flags, ownFlags } from './command-line/flannel-flags.js'
import { Metrics } from './observe/metrics.js'

const text = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const rows = text.split('\n').filter((line) => line.startsWith('| '))

/** The names in the first column of those rows. */
const named = (lines: string[]): string[] =>
  lines.flatMap((line) =>
    [...(line.split('|')[1] ?? '').matchAll(/`([\w-]+)[`{]/g)].map(([, name = '']) => name),
  )

test('the README tells of every flag, and of none that there is not', () => {
  const from = rows.findIndex((row) => row.startsWith('| flag'))
  const to = rows.findIndex((row) => row.startsWith('| file'))
  expect(named(rows.slice(from, to)).sort()).toEqual([...Object.keys(flags), 'help'].sort())
})

test('it tells their defaults', () => {
  for (const [name, { type, fallback }] of Object.entries(flags)) {
    if (type !== 'string' || fallback === '' || name.startsWith('kube-') || name === 'net-config-path')
      continue
    expect(rows.find((row) => row.includes(`\`${name}\``))).toContain(`\`${fallback}\``)
  }
})

test('what flanneld has not stands apart', () => {
  const from = text.indexOf('And what flanneld has not')
  for (const name of ownFlags) expect(text.indexOf(`| \`${name}\``)).toBeGreaterThan(from)
})

test('it tells of every metric, and of none that there is not', async () => {
  const nothing = {
    status: undefined,
    peers: 0,
    isReady: false,
    leaseExpiresAt: undefined,
    isStoreConnected: false,
  }
  const healthy = { stalenessMs: 0, isFromCache: false, awaited: undefined }
  const metrics = new Metrics(() => ({ ...nothing, ...healthy }), { version: '', store: '' })
  const there = [...(await metrics.text()).matchAll(/^# TYPE (selvedge_\w+)/gm)].map(([, name]) => name)
  const from = rows.findIndex((row) => row.startsWith('| metric'))
  const to = rows.findIndex((row) => row.startsWith('| fault'))
  const told = named(rows.slice(from, to))
  expect(told.sort()).toEqual(there.sort())
})

test('it names the backends', () => {
  const [, told = ''] = /There are (.*)\. A config/.exec(text) ?? []
  expect([...told.matchAll(/`([\w-]+)`/g)].map(([, name]) => name)).toEqual(backendTypes)
})
