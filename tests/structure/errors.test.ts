import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')

it('docs/errors.md has a section for each error code, and for nothing else', () => {
  const [, union = ''] =
    /export type ErrorCode =\n((?: {2}\| '\w+'\n)+)/.exec(read('packages/core/src/util/errors.ts')) ?? []
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code)
  const sections = [...read('docs/errors.md').matchAll(/^### `(\w+)`$/gm)].map(([, code]) => code)
  expect(codes).toContain('LEASE_LOST')
  expect(sections.toSorted()).toEqual(codes.toSorted())
})
