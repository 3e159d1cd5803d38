#!/usr/bin/env node
// A committed file, so that npm can link it before anything is built; the program is the bundle beside it.
import { existsSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

const program = new URL('../bundle/main.js', import.meta.url)

if (existsSync(program)) {
  // V8 lets its young generation grow to 48 MB for the one burst of work at the start, and an agent keeps them for
  // good. Kept small: 25 MB less with 5,000 peers, and no slower.
  setFlagsFromString('--semi-space-growth-factor=1')
  await import(program.href)
} else {
  const checkout = fileURLToPath(new URL('../../..', import.meta.url))
  process.stderr.write(`selvedged is not built yet. Run: npm run build --prefix ${checkout}\n`)
  process.exitCode = 1
}
