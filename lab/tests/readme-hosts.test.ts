import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { documentBlock, run, until } from '@selvedge/lab'
import { expect, it, onTestFinished } from 'vitest'

/** Among the examples, so that the program finds the packages that it names. */
const PROGRAM = fileURLToPath(new URL(`../../examples/dist/hosts-${process.pid}.mjs`, import.meta.url))

it('two namespaces with the program of the README, by its commands: each hears of the other, and a ping is answered', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-readme-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  onTestFinished(() => rm(PROGRAM, { force: true }))
  await writeFile(
    PROGRAM,
    documentBlock('README.md', 'import { vxlan }', { '/var/lib/overlay': join(folder, 'store') }),
  )
  const names = { blue: `selvedge-blue-${process.pid}`, green: `selvedge-green-${process.pid}` }

  onTestFinished(async () => {
    for (const name of Object.values(names)) await run('ip', ['netns', 'delete', name]).catch(() => {})
  })
  await run('sh', ['-ec', documentBlock('README.md', 'ip netns add blue', names)])
  const commands = documentBlock('README.md', 'ip netns exec blue node', { ...names, 'overlay.mjs': PROGRAM })
  const [blue, green] = commands.split('\n').map(inTerminal)
  if (blue === undefined || green === undefined) throw new Error(`no two commands: ${commands}`)
  const subnets = await Promise.all([blue, green].map(({ subnet }) => subnet()))
  await blue.prints(new RegExp(`^put ${subnets[1]}/24$`, 'm'))
  await green.prints(new RegExp(`^put ${subnets[0]}/24$`, 'm'))

  const ping = documentBlock('README.md', 'ip netns exec blue ping', {
    ...names,
    '10.244.9.0': subnets[1] ?? '',
  })
  expect(await run('sh', ['-ec', ping])).toMatch(/ [1-3] received/)
})

/** Runs a command as a terminal of its own would, to the end of the test. */
function inTerminal(command: string) {
  const child = spawn('sh', ['-ec', `exec ${command}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    if (child.exitCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    await closed
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  const prints = (line: RegExp) =>
    until(`${command} prints ${line}`, () => line.exec(output) ?? undefined, { timeoutMs: 20_000 })
  return { prints, subnet: async () => (await prints(/^([\d.]+)\/24 1450$/m))[1] }
}
