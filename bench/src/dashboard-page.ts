import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Child, until } from '@selvedge/lab'
import { IN_SYNC } from './agent.js'
import { StoreLab } from './store/lab.js'

/** What the dashboard of a host with so many leases costs a browser. Times are in ms. */
export interface DashboardPage {
  readonly peers: number
  /** From the start of the navigation to the first pixels, and to all peers in the table. */
  readonly firstPaintMs: number
  readonly peersMs: number
  /** From a key to the table that it leads to: the median and the longest of a word typed and taken back. */
  readonly keyMs: number
  readonly longestKeyMs: number
  /** From a click on a column's head, and on the next page. */
  readonly sortMs: number
  readonly pageMs: number
  /** The longest time between two frames while the page is scrolled from its top to its end. */
  readonly longestFrameMs: number
  /** From etcd's answer to a lease that is put to its peer on the page: the agent looks once a second. */
  readonly updateMs: number
  /** Of the browser's main thread while the page is open, with the changes that probes bring each second. */
  readonly idleShare: number
  /** Until the agent has answered with a plan. */
  readonly planMs: number
  /** Of the page's scripts. */
  readonly heapBytes: number
  readonly elements: number
}

const PORT = 8_080
const BROWSER = fileURLToPath(new URL('../../scripts/bench/dashboard-browser.mjs', import.meta.url))

export async function measureDashboardPage(peers: number, signal: AbortSignal): Promise<DashboardPage> {
  await using lab = await StoreLab.create(['etcd'], peers, signal)
  const { network } = lab
  const agent = network.startAgent({
    flags: ['-dashboard', '-probe-peers', `-healthz-port=${PORT}`, '-healthz-ip=127.0.0.1'],
  })
  try {
    await agent.logged(IN_SYNC)
    const url = `http://127.0.0.1:${PORT}/dashboard/`
    await until('the dashboard to be served', () =>
      network.host.exec('curl', ['--silent', '--fail', url]).catch(() => undefined),
    )
    const chromium = join(network.directory, 'chromium')
    await writeFile(chromium, '#!/bin/sh\nexec /usr/bin/chromium "$@"\n', { mode: 0o755 })
    const change = network.startClient('change', 1)
    const browser = network.host.spawn(process.execPath, [BROWSER, chromium, url, `${peers}`])
    const [changed, measured] = [linesOf(change), linesOf(browser)]
    await changed()
    await measured()
    change.kill('SIGUSR2')
    const { answered } = await changed<{ answered: number }>()
    const { updatedAt, ...costs } = await measured<
      Omit<DashboardPage, 'peers' | 'updateMs'> & { updatedAt: number }
    >()
    return { peers, ...costs, updateMs: updatedAt - answered }
  } finally {
    await agent.stop()
  }
}

/** Reads the next line of JSON; rejects with what the program said if it ends first. */
function linesOf(child: Child): <T>() => Promise<T> {
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return async () => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`a program of this benchmark ended: ${said}`)
    return JSON.parse(value)
  }
}
