#!/usr/bin/env node
// A committed file, so that npm can link it before anything is built; the program is the bundle beside it.
import { existsSync } from 'node:fs'
import module from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

const pathOf = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const program = new URL('../bundle/main.js', import.meta.url)

if (existsSync(program)) {
  // V8 lets its young generation grow to 48 MB for the one burst of work at the start, and an agent keeps them for
  // good. Kept small: 25 MB less with 5,000 peers, and no slower.
  setFlagsFromString('--semi-space-growth-factor=1')
  // Node.js 22.1 and up. Never in /tmp, which is the default: whoever can write to the cache decides what runs. The
  // folder is the one that systemd makes (CacheDirectory=), or one beside the code. If it is read-only, there is no cache.
  module.enableCompileCache?.(process.env.CACHE_DIRECTORY?.split(':')[0] ?? pathOf('../.compile-cache'))
  await import(program.href)
} else {
  process.stderr.write(`selvedged is not built yet. Run: npm run build --prefix ${pathOf('../../..')}\n`)
  process.exitCode = 1
}
