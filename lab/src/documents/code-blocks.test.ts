import { expect, test } from 'vitest'
import { codeBlocks } from './code-blocks.js'
import { documentBlock } from './document-block.js'

test('blocks are read from lists too, without their indentation; a fence that stays open is an error', () => {
  const markdown = '1. One:\n\n   ```ts\n   if (a) {\n     b()\n   }\n   ```\n\n```\nplain\n```\n'
  expect(codeBlocks('x.md', markdown)).toEqual([
    { document: 'x.md', language: 'ts', line: 3, text: 'if (a) {\n  b()\n}' },
    { document: 'x.md', language: '', line: 9, text: 'plain' },
  ])
  expect(() => codeBlocks('x.md', '```ts\nopen')).toThrow('x.md:1: this fence is not closed')
})

test('a block is found by its beginning, which names one', () => {
  const name = 'docs/install.md'
  expect(documentBlock(name, 'systemctl stop selv')).toMatch(/^systemctl stop selvedged\n/)
  expect(documentBlock(name, 'systemctl stop selv', { purge: 'remove' })).toMatch(/\napt remove selvedged$/)
  expect(() => documentBlock(name, 'systemctl stop selv', { '10.0.0.5': '' })).toThrow(
    /install\.md: no 10\.0\.0\.5 is in the block of line \d+/,
  )
  expect(() => documentBlock(name, 'no such line')).toThrow(`${name}: no block begins with: no such line`)
  expect(() => documentBlock(name, '')).toThrow(/several blocks begin with: .*\(lines \d+, \d+/)
})
