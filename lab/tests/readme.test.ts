import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Lab } from '@selvedge/lab'
import { expect, it } from 'vitest'

const README = fileURLToPath(new URL('../../README.md', import.meta.url))
/** Among the examples, so that the program finds the packages that it names. */
const PROGRAM = fileURLToPath(new URL(`../../examples/dist/readme-${process.pid}.mjs`, import.meta.url))

it('runs the program that the README begins with, as it stands there but for its folder', async () => {
  const [, snippet = ''] = /```js\n(.*?)```/s.exec(await readFile(README, 'utf8')) ?? []
  const folder = "'/var/lib/overlay'"
  expect(snippet).toContain(folder)
  await using lab = await Lab.create({ hosts: 1 })
  const host = lab.host(0)
  await writeFile(PROGRAM, snippet.replace(folder, JSON.stringify(`${lab.directory}/store`)))
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
