import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CodeBlock, codeBlocks } from '@selvedge/lab'
import { describe, expect, it } from 'vitest'
import { blockCalls, blockCallsOf } from './block-calls.js'
import { NOT_RUN } from './blocks-not-run.js'
import { isPartOf, textFiles } from './code-blocks.js'
import { isNamedByTest, testSources } from './test-sources.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const folders = (folder: string): string[] =>
  readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`)

const documents = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...['.changeset/README.md', 'examples/README.md', 'lab/README.md', 'deploy/kubernetes/README.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...folders('packages').map((folder) => `${folder}/README.md`),
]

const sources = testSources(ROOT)

/** Programs that tests run. */
const files = new Map([...textFiles(ROOT, ['examples'])].filter(([path]) => isNamedByTest(path, sources)))

/** Programs of packages' READMEs name what their reader has, such as a `backend`; packages' documents are checked apart. */
const isSketch = ({ document, language }: CodeBlock) => document.startsWith('packages/') && language === 'ts'

/** Tests that take a block from its document, to run it or to compare what was printed with it. */
const calls = blockCallsOf(sources)
const isTaken = ({ document, text }: Pick<CodeBlock, 'document' | 'text'>, by = calls) =>
  by.some((call) => call.document === document && text.startsWith(call.beginning))

const isInProgram = ({ text }: CodeBlock) => [...files.values()].some((file) => isPartOf(file, text))

const firstLine = ({ text }: CodeBlock) => text.split('\n')[0] ?? ''

const blocks = documents.flatMap((document) =>
  codeBlocks(document, readFileSync(join(ROOT, document), 'utf8')).filter((block) => !isSketch(block)),
)

describe('a code block of a document', () => {
  it.each(blocks.map((block) => [`${block.document}:${block.line}`, block] as const))(
    '%s is part of a program that a test runs, or is taken by a test, or there is a reason why it is not run',
    (_, block) => {
      if (isTaken(block) || NOT_RUN[block.document]?.[firstLine(block)] !== undefined) return
      expect(
        isInProgram(block),
        `no file under examples/ that a test names has these lines, and no test takes them by documentBlock:\n${block.text}`,
      ).toBe(true)
    },
  )

  it('is listed with a reason only if it is there, and nothing runs it', () => {
    const stale = Object.entries(NOT_RUN).flatMap(([document, reasons]) =>
      Object.keys(reasons).flatMap((first) => {
        const block = blocks.find((one) => one.document === document && firstLine(one) === first)
        if (block === undefined) return [`${document}: no block begins with: ${first}`]
        return isTaken(block) || isInProgram(block) ? [`${document}: a test runs: ${first}`] : []
      }),
    )
    expect(stale).toEqual([])
  })

  it.each(calls.map((call) => [call.at, call] as const))('that a test takes is there: %s', (_, call) => {
    const found = blocks.filter((block) => isTaken(block, [call]))
    expect(found.length, `${call.document} has one block that begins with: ${call.beginning}`).toBe(1)
  })

  it('is taken by a call whose result is used, with the document and the beginning as literals', () => {
    const source = [
      "documentBlock('docs/a.md', 'not used')",
      'const one = documentBlock(`docs/a.md`, "npm ci")',
      "run(documentBlock('docs/a.md', 'apt', { x: 'y' }))",
      "run(documentBlock(DOCUMENT, 'npm'), other.documentBlock('docs/a.md', 'x'))",
      "// documentBlock('docs/a.md', 'in a comment')",
    ].join('\n')
    const found = blockCalls('x.test.ts', source)
    expect(found.map(({ at, beginning }) => `${at} ${beginning}`)).toEqual([
      'x.test.ts:2 npm ci',
      'x.test.ts:3 apt',
    ])
    expect(isTaken({ document: 'docs/a.md', text: 'npm ci\nnpm test' }, found)).toBe(true)
    expect(isTaken({ document: 'docs/a.md', text: 'npm test' }, found)).toBe(false)
    expect(isTaken({ document: 'docs/b.md', text: 'npm ci' }, found)).toBe(false)
  })

  it('is found only in a program that a test names', () => {
    const tests = new Map([['a.test.ts', "run('beside/docker.sh'); ExampleProgram.start(host, 'edge', [])"]])
    const named = ['examples/beside/docker.sh', 'examples/src/edge.ts', 'examples/src/a.test.ts']
    const unnamed = ['examples/docker.shell', 'examples/ocker.sh', 'examples/src/edges.ts']
    expect(named.filter((path) => !isNamedByTest(path, tests))).toEqual([])
    expect(unnamed.filter((path) => isNamedByTest(path, tests))).toEqual([])
  })

  it('is found in a program whatever its indentation there, and not if a line differs, is missing or is indented', () => {
    const program = 'const f = {\n  a() {\n    return 1\n\n  },\n}\n'
    expect(isPartOf(program, 'a() {\n  return 1\n\n},')).toBe(true)
    expect(isPartOf(program, 'a() {\n  return 2\n\n},')).toBe(false)
    expect(isPartOf(program, 'a() {\n\n},')).toBe(false)
    expect(isPartOf(program, 'a() {\n    return 1\n\n},')).toBe(false)
    expect(isPartOf(program, '}\nconst g = 1')).toBe(false)
  })
})
