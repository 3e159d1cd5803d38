import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { documentBlock, Lab, run } from '@selvedge/lab'
import ts from 'typescript'
import { expect, it } from 'vitest'

/** Among the examples, so that the program finds the packages that it names. */
const PROGRAM = fileURLToPath(new URL(`../../examples/dist/readme-${process.pid}.mjs`, import.meta.url))

it('of the lab: hosts, a matrix of pings, an agent that is killed and a stream that loses nothing', async () => {
  const snippet = documentBlock('lab/README.md', 'import { Lab, Network, PingStream, pingMatrix }')
  // `await using` is newer than the oldest Node.js that is supported.
  const { outputText } = ts.transpileModule(snippet, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  })
  await writeFile(PROGRAM, outputText)
  try {
    const output = await run(process.execPath, [PROGRAM], { timeoutMs: 40_000 })
    expect(output.match(/sent: /g)?.length).toBeGreaterThan(1)
    expect(output).toMatch(/\blost: 0, longestGapMs: [\d.]+ }\n$/)
  } finally {
    await rm(PROGRAM, { force: true })
  }
})

it('runs the program that the README begins with, as it stands there but for its folder', async () => {
  await using lab = await Lab.create({ hosts: 1 })
  const host = lab.host(0)
  const program = documentBlock('README.md', 'import { vxlan }', {
    '/var/lib/overlay': `${lab.directory}/store`,
  })
  await writeFile(PROGRAM, program)
  const child = host.spawn(process.execPath, [PROGRAM])
  const ended = once(child, 'close')
  try {
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text
    })
    const [output] = await Promise.race([once(child.stdout, 'data'), ended.then(() => [errors])])
    expect(String(output)).toMatch(/^10\.244\.\d+\.0\/24 1450\n$/)
    expect(await host.ip('link', 'show', 'flannel.1')).toContain('mtu 1450')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(errors).toBe('')
    expect(await host.ip('link', 'show', 'flannel.1'), 'traffic keeps flowing').toContain('mtu 1450')
  } finally {
    child.kill('SIGKILL')
    await rm(PROGRAM, { force: true })
  }
})
