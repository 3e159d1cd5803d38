/** The matrix of four real agents, as a browser on one of them shows it: the others are asked for their rows. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { baseAddress } from '@selvedge/core/kit'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import type { Selvedged } from '../selvedged.js'
import { axeViolations, launch, openPage } from './browser.js'

const PORT = 8286
const URL = `http://127.0.0.1:${PORT}/dashboard/`
/** On a machine that is busy, too. */
const WITHIN = { timeout: 30_000 }
/** The host that has the dashboard, two that it asks, and one that does not probe, as an older agent knows no rows. */
const [VIEWER, SENDER, RECEIVER, SILENT] = [0, 1, 2, 3] as const

let rig: Rig
let browser: Browser
const subnets: string[] = []

beforeAll(async () => {
  rig = await Rig.create(vxlanConfig, { hosts: 4 })
  const probing = ['--probe-peers']
  const viewing = ['--dashboard', '--healthz-ip=127.0.0.1', `--healthz-port=${PORT}`]
  const agents: Selvedged[] = []
  // One after the other: together they would wait for each other's processor.
  for (const index of rig.lab.hosts.keys()) {
    const args = index === SILENT ? [] : index === VIEWER ? [...probing, ...viewing] : probing
    const agent = rig.start(index, { args })
    const { subnet } = await agent.ready()
    agents.push(agent)
    subnets.push(`${subnet}`.replace(/\.1\//, '.0/'))
  }
  const wrapper = join(rig.lab.directory, 'chromium')
  const command = `exec nsenter --net=/proc/${agents[VIEWER]?.pid}/ns/net /usr/bin/chromium "$@"`
  await writeFile(wrapper, `#!/bin/sh\n${command}\n`, { mode: 0o755 })
  browser = await launch(wrapper)
})
afterAll(async () => {
  await browser?.close()
  await rig?.[Symbol.asyncDispose]()
})

const subnetOf = (index: number) => subnets[index] ?? ''

test('a direction that is cut between two others is shown as that direction alone, and gone once it is mended', async () => {
  const { page, complaints } = await openPage(browser, URL)
  const region = page.getByRole('region', { name: 'Loss and round trips' })
  // Of the four rows one is not known: who does not probe says nothing.
  await region.getByText(/^4 nodes, .* 1 of them not known\.$/).waitFor()

  const wayOf = async (from: number, to: number): Promise<string> => {
    await page.locator('#matrix').focus()
    for (let up = 0; up < 4; up += 1) await page.keyboard.press('ArrowUp')
    await page.keyboard.press('Home')
    const text = page.locator('#matrix-way')
    const start = `${subnetOf(from)} → ${subnetOf(to)}: `
    for (let row = 0; row < 4; row += 1) {
      for (let column = 0; column < 4; column += 1) {
        const found = (await text.textContent()) ?? ''
        if (found.startsWith(start)) return found.slice(start.length)
        await page.keyboard.press('ArrowRight')
      }
      await page.keyboard.press('Home')
      await page.keyboard.press('ArrowDown')
    }
    return 'not met'
  }
  // On a busy machine an answer may be late, and counts as lost.
  const measured = /^(well|loss, there or back), loss \d+ %, round trip .* m?s$/
  await expect.poll(() => wayOf(SENDER, RECEIVER), WITHIN).toMatch(measured)

  await rig.lab.host(RECEIVER).exec('nft', ['-f', '-'], {
    input: `table inet cut {
      chain input {
        type filter hook input priority 0
        iifname "flannel.1" ip saddr ${baseAddress(subnetOf(SENDER))} drop
      }
    }\n`,
  })
  const lost = page.getByRole('table', { name: 'Ways with loss' }).locator('tbody tr')
  await expect
    .poll(async () => (await lost.allTextContents()).join(), WITHIN)
    .toContain(`${subnetOf(SENDER)}${subnetOf(RECEIVER)}packets are lost`)
  // Both ends have said which way it is: of the way back, packets arrive. One square is bad.
  await expect.poll(() => wayOf(RECEIVER, SENDER), WITHIN).toMatch(/^packets arrive, none come back/)
  await expect.poll(() => page.locator('#matrix path.cell.bad').getAttribute('d'), WITHIN).toMatch(/^M[^M]+$/)
  expect(await axeViolations(page)).toEqual([])

  await page.locator('#matrix-filter').fill(subnetOf(RECEIVER))
  await region.getByText(/^1 row of 4 nodes/).waitFor()
  await page.locator('#matrix-filter').fill('')

  await rig.lab.host(RECEIVER).exec('nft', ['delete', 'table', 'inet', 'cut'])
  await expect
    .poll(async () => (await lost.allTextContents()).join(), WITHIN)
    .not.toContain('packets are lost')
  expect(complaints).toEqual([])
  await page.close()
})
