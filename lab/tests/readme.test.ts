import { readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Lab } from '@selvedge/lab'
import ts from 'typescript'
import { expect, it } from 'vitest'

const README = fileURLToPath(new URL('../../README.md', import.meta.url))
/** Beside the README, so that the snippet finds the packages that it names. */
const PROGRAM = fileURLToPath(new URL(`../../examples/dist/readme-${process.pid}.js`, import.meta.url))

it('runs the program that the README begins with, as it stands there but for its folder', async () => {
  const [, snippet = ''] = /```ts\n(.*?)```/s.exec(await readFile(README, 'utf8')) ?? []
  const folder = "'/var/lib/overlay'"
  expect(snippet).toContain(folder)
  await using lab = await Lab.create({ hosts: 1 })
  const source = snippet.replace(folder, JSON.stringify(`${lab.directory}/store`))
  const options = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext }
  await writeFile(PROGRAM, ts.transpileModule(source, { compilerOptions: options }).outputText)
  try {
    const output = await lab.host(0).exec(process.execPath, [PROGRAM])
    expect(output).toMatch(/^10\.244\.\d+\.0\/24 1450\n$/)
    expect(await lab.host(0).ip('link', 'show', 'flannel.1')).toContain('mtu 1450')
  } finally {
    await rm(PROGRAM, { force: true })
  }
})
