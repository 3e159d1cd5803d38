/** The dashboard in a browser, of agents on a real kernel and a real etcd. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { documentBlock, type Host, until } from '@selvedge/lab'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import type { Selvedged } from '../selvedged.js'
import { axeViolations, launch, openPage } from './browser.js'
import { manyPeers } from './many-peers.js'

/** Its flags, and where a browser on the host finds it then. */
const COMMANDS = documentBlock('docs/dashboard.md', 'selvedged --dashboard')
const FLAGS = COMMANDS.match(/--\S+/g) ?? []
const [URL = ''] = COMMANDS.match(/http:\S+/) ?? []
/** On a machine that is busy, too. */
const WITHIN = { timeout: 10_000 }
/** A name that would be markup, in what a peer publishes. */
const HOSTILE = '<img src=x onerror=alert(1)>'

let rig: Rig
let agent: Selvedged
let browser: Browser
let host: Host

beforeAll(async () => {
  rig = await Rig.create(vxlanConfig)
  host = rig.lab.host(0)
  agent = start()
  rig.start(1, { args: ['--probe-peers'] })
  await agent.inSync()
  // A browser drops what it loads when an address comes.
  await until('addresses to be settled', async () => {
    const tentative = await host.exec('ip', ['-6', 'address', 'show', 'tentative'])
    return tentative.trim() === '' ? true : undefined
  })
  // In the agent's network namespace, as a person on its host.
  const wrapper = join(rig.lab.directory, 'chromium')
  const command = `exec nsenter --net=/proc/${agent.pid}/ns/net /usr/bin/chromium "$@"`
  await writeFile(wrapper, `#!/bin/sh\n${command}\n`, { mode: 0o755 })
  browser = await launch(wrapper)
})
afterAll(async () => {
  await browser?.close()
  await rig?.[Symbol.asyncDispose]()
})

function start(): Selvedged {
  return rig.start(0, { args: ['--probe-peers', ...FLAGS] })
}

const lease = (n: number, backend = 'vxlan') =>
  [
    `10.244.${n}.0-24`,
    JSON.stringify({
      PublicIP: `192.0.2.${n}`,
      PublicIPv6: null,
      BackendType: backend,
      BackendData: { VNI: 1, VtepMAC: `aa:00:00:00:00:${n.toString(16).padStart(2, '0')}` },
    }),
  ] as const

const rowOf = (page: Page, subnet: string) => page.getByRole('row').filter({ hasText: subnet })

test('peers, one that comes, and drift with the program that caused it appear live', async () => {
  const { page, complaints } = await openPage(browser, URL)
  await page.getByRole('status').getByText('Live', { exact: true }).waitFor()
  const { subnet = '' } = await agent.ready()
  await page.getByRole('region', { name: 'Summary' }).getByText(subnet).waitFor()
  const peers = page.locator('#peer-rows tr')
  await expect.poll(() => peers.count(), WITHIN).toBe(1)
  const peerSubnet = (await peers.first().getByRole('rowheader').textContent()) ?? ''

  const cells = peers.first().getByRole('cell')
  // On a busy machine an answer may be late, and counts as lost for 16 s.
  await expect
    .poll(async () => (await cells.allTextContents()).join(' '), { timeout: 40_000 })
    .toMatch(/ms 0 %/)
  await page.getByText(/^2 nodes, from each/).waitFor()

  await rig.etcd.put(...lease(77))
  await rowOf(page, '10.244.77.0/24').first().waitFor()
  await rig.etcd.put(...lease(78, HOSTILE))
  await expect.poll(() => page.locator('#peer-rows').textContent(), WITHIN).toContain(HOSTILE)

  await host.ip('route', 'delete', peerSubnet)
  const drift = page.getByRole('table', { name: 'Last changes' })
  await drift.getByText('missing').first().waitFor()
  await expect.poll(() => drift.textContent(), WITHIN).toContain(peerSubnet)
  await rowOf(page, peerSubnet).first().getByText('changed').waitFor()
  expect(await page.locator('img').count()).toBe(0)
  expect(complaints).toEqual([])
  await page.close()
})

test('the plan is empty when there is nothing to do, has what another program prevents, and what a restart would apply', async () => {
  const { page, complaints } = await openPage(browser, URL)
  const summary = page.locator('#plan-summary')
  await expect
    .poll(() => summary.textContent(), WITHIN)
    .toMatch(/^Nothing to change: the kernel holds all \d+/)
  expect(await page.getByRole('list', { name: 'What the agent would change now' }).count()).toBe(0)

  await host.ip('route', 'add', 'blackhole', '10.244.90.0/24')
  await rig.etcd.put(...lease(90))
  const planned = page.getByRole('list', { name: 'What the agent would change now' })
  await planned.getByText('route 10.244.90.0/24').waitFor()
  await expect.poll(() => summary.textContent(), WITHIN).toMatch(/^1 to add \(1 route\)/)
  await page.getByRole('table', { name: 'Entries that cannot be written' }).waitFor()
  expect(await axeViolations(page)).toEqual([])
  await host.ip('route', 'delete', 'blackhole', '10.244.90.0/24')
  await page.locator('#plan-again').press('Enter')
  await expect.poll(() => summary.textContent(), WITHIN).toMatch(/^Nothing to change/)

  await rig.etcd.putConfig({ Network: '10.240.0.0/12', Backend: { Type: 'vxlan', MTU: 1400 } })
  // A lease outside the network has the agent look whether the config is another.
  const [, record] = lease(91)
  await rig.etcd.put('10.250.1.0-24', record)
  const panel = page.getByRole('region', { name: 'Plan' })
  await panel.getByText('a restart of the agent applies').waitFor()
  const fields = panel.locator('dl')
  await expect.poll(() => fields.textContent(), WITHIN).toContain('Network10.244.0.0/16 → 10.240.0.0/12')
  expect(await fields.textContent()).toContain('Backend.MTU(none) → 1400')
  await rig.etcd.putConfig(vxlanConfig)
  await rig.etcd.delete('10.250.1.0-24')
  expect(complaints).toEqual([])
  await page.close()
})

test.each(['light', 'dark'] as const)('axe-core finds nothing to complain of in the %s', async (scheme) => {
  const { page, complaints } = await openPage(browser, URL, scheme)
  await page.locator('#peer-rows tr').first().waitFor()
  const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
  expect(ground).toBe(scheme === 'dark' ? 'rgb(19, 20, 19)' : 'rgb(247, 247, 245)')
  expect(await axeViolations(page)).toEqual([])
  expect(complaints).toEqual([])
  await page.close()
})

test('5,000 peers are filtered, sorted and paged by keyboard alone, in a table of bounded size', async () => {
  const { page, complaints } = await openPage(browser, URL, 'light', manyPeers(5_000))
  await page.getByText('1–50 of 5,000').waitFor()
  expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(1_500)
  expect(await page.locator('#topology circle').count()).toBeLessThan(20)

  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.type('10.9.1')
  // 10.9.1.0/24, 10.9.10.0/24 to 10.9.19.0/24, 10.9.100.0/24 to 10.9.199.0/24
  await page.getByText('1–50 of 111').waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  const subnets = page.locator('#peer-rows th')
  await expect.poll(() => subnets.first().textContent(), WITHIN).toBe('10.9.199.0/24')
  expect(await page.locator('[aria-sort=descending]').textContent()).toBe('Subnet')
  await page.locator('#next').press('Space')
  await page.getByText('51–100 of 111').waitFor()
  await page.locator('#filter').fill('no such peer')
  await page.getByText('No peer matches').waitFor()
  expect(await axeViolations(page)).toEqual([])
  expect(complaints).toEqual([])
  await page.close()
})

test('an agent that has gone is said to be, and since when; the page goes on with the next', async () => {
  const { page } = await openPage(browser, URL)
  await page.locator('#peer-rows tr').first().waitFor()
  await agent.stop()
  await page
    .getByRole('alert')
    .getByText(/has not answered since \d/)
    .waitFor()
  expect(await page.locator('#peer-rows tr').count()).toBeGreaterThan(0)
  agent = start()
  await page.getByRole('status').getByText('Live', { exact: true }).waitFor()
  await expect.poll(() => page.getByRole('alert').isHidden(), WITHIN).toBe(true)
  await page.close()
})
