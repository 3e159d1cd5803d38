#!/usr/bin/env node
// A committed file, so that npm can link it before anything is built; the program is the bundle beside it.
import { existsSync } from 'node:fs'
import inspector from 'node:inspector'
import module from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

const stopSignals = collectStopSignals()
ignoreOtherSignals()

const program = new URL('../bundle/main.js', import.meta.url)
if (existsSync(program)) {
  // V8 lets its young generation grow to 48 MB for the one burst of work at the start, and an agent keeps them for
  // good. Kept small: 25 MB less with 5,000 peers, and no slower.
  setFlagsFromString('--semi-space-growth-factor=1')
  // Node.js 22.1 and up. Never in /tmp, which is the default: whoever can write to the cache decides what runs. The
  // folder is the one that systemd makes (CacheDirectory=), or one beside the code. If it is read-only, there is no cache.
  module.enableCompileCache?.(process.env.CACHE_DIRECTORY?.split(':')[0] ?? pathOf('../.compile-cache'))
  const { main } = await import(program.href)
  await main(stopSignals)
} else {
  process.stderr.write(`selvedged is not built yet. Run: npm run build --prefix ${pathOf('../../..')}\n`)
  process.exitCode = 1
}

/**
 * Keeps the signals to stop until the program handles them. As process 1 of a container, a signal without a handler is
 * lost, and containers are often stopped in their first second.
 */
function collectStopSignals() {
  const early = []
  let handler = (name) => early.push(name)
  for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => handler(name))
  return {
    handle(next) {
      handler = next
      for (const name of early.splice(0)) next(name)
    },
  }
}

function ignoreOtherSignals() {
  // Node.js resets an ignored SIGHUP, and with it what nohup does. SIGUSR1 would open an inspector to every user of the
  // host, who could run code with the rights of this process.
  for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.on(name, () => {})
  const isRequested = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) =>
    option.includes('--inspect'),
  )
  if (!isRequested) closeInspector()
}

/** Closes the inspector that a SIGUSR1 before our handler opened: at once, or when the thread that it woke gets to it. */
function closeInspector() {
  const closeIfOpen = () => inspector.url() !== undefined && inspector.close()
  closeIfOpen()
  const watching = setInterval(closeIfOpen, 20).unref()
  setTimeout(() => clearInterval(watching), 2_000).unref()
}

function pathOf(relative) {
  return fileURLToPath(new URL(relative, import.meta.url))
}
