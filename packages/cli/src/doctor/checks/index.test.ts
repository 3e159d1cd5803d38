import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { CHECKS } from './index.js'

const document = (path: string): Promise<string> =>
  readFile(new URL(`../../../../../${path}`, import.meta.url), 'utf8')

/** What each fault of the tables is named as. */
async function faultIds(): Promise<readonly (string | undefined)[]> {
  const folder = 'packages/selvedged/tests/cli/doctor/faults'
  const names = await readdir(new URL(`../../../../../${folder}`, import.meta.url))
  const faults = (await Promise.all(names.map((name) => document(`${folder}/${name}`)))).join('\n')
  return [...faults.matchAll(/ id: '([^']+)'/g)].map(([, id]) => id)
}

test('docs/doctor.md has each finding, with what it looks for, and no other', async () => {
  const rows = [
    ...(await document('docs/doctor.md')).matchAll(/<a id="([^"]+)"><\/a>`([^`]+)`( ¹)?( ²)? \| (.+) \|$/gm),
  ]
  const documented = rows.map(([, anchor, id, pre, , title]) => ({
    anchor,
    id,
    pre: pre !== undefined,
    title,
  }))
  const expected = CHECKS.map(({ id, title, pre = false }) => ({ anchor: id, id, pre, title }))
  expect(documented).toEqual(expected)
})

test('docs/doctor.md marks what no injected fault proves', async () => {
  const proven = new Set(await faultIds())
  const rows = [...(await document('docs/doctor.md')).matchAll(/<\/a>`([^`]+)`(?: ¹)?( ²)? \|/g)]
  const unproven = rows.filter(([, , mark]) => mark !== undefined).map(([, id]) => id)
  expect(unproven).toEqual(CHECKS.map(({ id }) => id).filter((id) => !proven.has(id)))
})

test('docs/doctor.md says how many faults are injected', async () => {
  const [, said] = /injects (\d+) faults/.exec(await document('docs/doctor.md')) ?? []
  expect(Number(said)).toBe((await faultIds()).length)
})
