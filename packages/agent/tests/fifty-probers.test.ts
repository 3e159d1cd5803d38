/** Fifty probers on one kernel, of which one drops one's packets to another. */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Lab, until } from '@selvedge/lab'
import { expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('probers.mjs', import.meta.url))
const [FROM, TO] = ['127.0.33.8', '127.0.33.24']

interface Line {
  readonly ready?: boolean
  readonly from: string
  readonly to: string
  readonly state: string
  readonly direction?: string
  readonly atMs: number
}

test('one direction of one pair among 50 is cut: both of it name the direction', async () => {
  await using lab = await Lab.create({ hosts: 1 })
  const host = lab.host(0)
  const child = host.spawn(process.execPath, [PROGRAM, '50'])
  const lines: Line[] = []
  let errors = ''
  createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)))
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text
  })
  const found = (what: string, matches: (line: Line) => unknown) =>
    until(
      what,
      () => {
        if (child.exitCode !== null) throw new Error(`the probers have ended: ${errors}`)
        return lines.find((line) => matches(line))
      },
      { timeoutMs: 30_000, intervalMs: 5 },
    )
  await found('all to reach each other', ({ ready }) => ready)

  const table = `table inet cut {
    chain input {
      type filter hook input priority 0
      ip saddr ${FROM} ip daddr ${TO} drop
    }
  }\n`
  await host.exec('nft', ['-f', '-'], { input: table })
  const cutMs = Date.now()
  const out = await found(
    'the sender to name it',
    (line) => line.from === FROM && line.direction === 'outbound',
  )
  const into = await found(
    'the receiver to name it',
    (line) => line.from === TO && line.direction === 'inbound',
  )
  console.log(`named ${out.atMs - cutMs} ms and ${into.atMs - cutMs} ms after the cut`)
  expect(out).toMatchObject({ to: TO, state: 'unreachable' })
  expect(into).toMatchObject({ to: FROM, state: 'unreachable' })
  const named = lines.filter(({ state }) => state === 'unreachable').map(({ from, to }) => `${from} ${to}`)
  expect(new Set(named)).toEqual(new Set([`${FROM} ${TO}`, `${TO} ${FROM}`]))

  await host.exec('nft', ['delete', 'table', 'inet', 'cut'])
  await found('the sender to be answered', (line) => line.from === FROM && line.state === 'reachable')
  await found('the receiver to be answered', (line) => line.from === TO && line.state === 'reachable')
})
