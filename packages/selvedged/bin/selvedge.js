#!/usr/bin/env node
// A committed file, so that npm can link it before anything is built; the program is the bundle beside it.
import { existsSync } from 'node:fs'
import module from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const program = new URL('../bundle/selvedge.js', import.meta.url)
if (existsSync(program)) {
  // Never in /tmp, which is Node.js' default: whoever can write to the cache decides what runs.
  module.enableCompileCache?.(process.env.CACHE_DIRECTORY?.split(':')[0] ?? pathOf('../.compile-cache'))
  const { main } = await import(program.href)
  await main()
} else {
  process.stderr.write(`selvedge is not built yet. Run: npm run build --prefix ${pathOf('../../..')}\n`)
  process.exitCode = 1
}

function pathOf(relative) {
  return fileURLToPath(new URL(relative, import.meta.url))
}
