/**
 * `node scripts/bench/dashboard-browser.mjs CHROMIUM URL PEERS`: opens a dashboard with so many peers, and measures what that
 * costs the browser. Prints a line of JSON, `{}`, once it waits for a peer to come, and one with the figures at the end. Times
 * are in ms. Run by bench/src/dashboard-page.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'

const [executablePath, url = '', peers = ''] = process.argv.slice(2)
const WORD = '10.64.1'
const OPENINGS = 3
const IDLE_SECONDS = 10

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
})
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  const opened = await open(page)
  const typed = await type(page)
  const clicked = { sortMs: await click(page, '#peer-head button'), pageMs: await click(page, '#next') }
  const longestFrameMs = await scroll(page)
  const updatedAt = await update(page)
  const idled = await idle(page)
  // An agent that is too busy to look at its kernel within 4 s says so.
  const planMs = await page.evaluate(`(async () => {
    for (;;) {
      const started = performance.now()
      if ((await fetch('plan', { cache: 'no-store' })).ok) return performance.now() - started
    }
  })()`)
  const elements = await page.evaluate("document.querySelectorAll('*').length")
  print({ ...opened, ...typed, ...clicked, longestFrameMs, updatedAt, ...idled, planMs, elements })
} finally {
  await browser.close()
}

/** Resolves in the first frame in which it is so, with the time since the navigation began. The page's policy forbids eval. */
function once(page, isSo) {
  return page.evaluate(`new Promise((resolve) => {
    const look = () => (${isSo}) ? resolve(performance.now()) : requestAnimationFrame(look)
    look()
  })`)
}

async function open(page) {
  const all = Number(peers).toLocaleString('en')
  const isThere = `document.querySelector('#range')?.textContent.endsWith('of ${all}')`
  const times = []
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    await page.goto(url, { waitUntil: 'commit' })
    // The page loads itself again if the network has just changed, as when an address of the host comes.
    const peersMs = await once(page, isThere).catch(() => once(page, isThere))
    const firstPaintMs = await page.evaluate(
      "performance.getEntriesByName('first-contentful-paint')[0].startTime",
    )
    times.push({ peersMs, firstPaintMs })
  }
  return {
    firstPaintMs: median(times.map(({ firstPaintMs }) => firstPaintMs)),
    peersMs: median(times.map(({ peersMs }) => peersMs)),
  }
}

/** A word, letter by letter, and taken back: until the table is laid out. What is painted comes with the next frame. */
async function type(page) {
  const times = await page.evaluate(`(async () => {
    const filter = document.querySelector('#filter')
    const texts = [...Array(${WORD.length}).keys()].map((n) => '${WORD}'.slice(0, n + 1))
    const times = []
    for (const text of [...texts, ...texts.toReversed().slice(1), '']) {
      await new Promise(requestAnimationFrame)
      const started = performance.now()
      filter.value = text
      filter.dispatchEvent(new Event('input'))
      document.body.offsetHeight
      times.push(performance.now() - started)
    }
    return times
  })()`)
  return { keyMs: median(times), longestKeyMs: Math.max(...times) }
}

function click(page, selector) {
  return page.evaluate(`(() => {
    const started = performance.now()
    document.querySelector('${selector}').click()
    document.body.offsetHeight
    return performance.now() - started
  })()`)
}

/** The longest time between two frames on the way to the end of the page. */
function scroll(page) {
  return page.evaluate(`(async () => {
    const root = document.documentElement
    let last = await new Promise(requestAnimationFrame)
    let longest = 0
    for (let y = 0; y < root.scrollHeight; y += 40) {
      scrollTo(0, y)
      const now = await new Promise(requestAnimationFrame)
      longest = Math.max(longest, now - last)
      last = now
    }
    scrollTo(0, 0)
    return longest
  })()`)
}

/** When the peer that comes now is on the page, in ms since the epoch. */
async function update(page) {
  const before = await page.locator('#events').textContent()
  print({})
  await once(page, `document.querySelector('#events').textContent !== ${JSON.stringify(before)}`)
  return Date.now()
}

/** How busy the main thread is while the page is open, and what its scripts hold. */
async function idle(page) {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable')
  const read = async (name) => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return metrics.find((metric) => metric.name === name).value
  }
  const before = await read('TaskDuration')
  await sleep(IDLE_SECONDS * 1_000)
  const idleShare = ((await read('TaskDuration')) - before) / IDLE_SECONDS
  await devtools.send('HeapProfiler.collectGarbage')
  return { idleShare, heapBytes: await read('JSHeapUsedSize') }
}
