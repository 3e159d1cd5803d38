/**
 * Runs beside an agent, on its host:
 *
 *     dashboard-client.js URL open          opens the dashboard as a browser does, and prints what that takes
 *     dashboard-client.js URL watch SECONDS leaves its stream of events open for so long, and prints how much comes
 */
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const [url = '', command = '', seconds = '0'] = process.argv.slice(2)

/** A compressed answer's bytes, until it ends or `isEnough`. */
function get(path: string, isEnough: (bytes: number) => boolean = () => false): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = { 'accept-encoding': 'gzip' }
    request(new URL(path, url), { headers }, (answer) => {
      const chunks: Buffer[] = []
      let size = 0
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (isEnough(size)) answer.destroy()
      })
      answer.on('close', () => resolve(Buffer.concat(chunks)))
      answer.on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

/** The page, what it names, and the first event, which has every peer. */
async function open(): Promise<{ ms: number; bytes: number }> {
  const started = performance.now()
  const page = await get('')
  const named = await fetch(url).then((answer) => answer.text())
  const files = [...named.matchAll(/(?:href|src)="([\w./-]+\.(?:js|css|svg))"/g)].map(([, name = '']) => name)
  const assets = await Promise.all(files.map((name) => get(name)))
  const events = await firstEvent()
  const bytes = [page, ...assets].reduce((sum, { length }) => sum + length, events)
  return { ms: performance.now() - started, bytes }
}

/** Until nothing has come for 200 ms: the snapshot is sent at once. */
async function firstEvent(): Promise<number> {
  let size = 0
  let last = 0
  const stop = new AbortController()
  const events = request(
    new URL('events', url),
    { headers: { 'accept-encoding': 'gzip' }, signal: stop.signal },
    (answer) =>
      answer
        .on('error', () => {})
        .on('data', (chunk: Buffer) => {
          size += chunk.length
          last = performance.now()
        }),
  )
  events.on('error', () => {})
  events.end()
  while (size === 0 || performance.now() - last < 200) await sleep(20)
  stop.abort()
  return size
}

async function watch(): Promise<{ bytes: number }> {
  let bytes = 0
  const stop = AbortSignal.timeout(Number(seconds) * 1_000)
  await new Promise<void>((resolve) => {
    request(new URL('events', url), { headers: { 'accept-encoding': 'gzip' }, signal: stop }, (answer) =>
      answer
        .on('error', () => {})
        .on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        .on('close', resolve),
    )
      .on('error', () => resolve())
      .end()
  })
  return { bytes }
}

process.stdout.write(JSON.stringify(command === 'open' ? await open() : await watch()))
