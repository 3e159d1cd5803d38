/*
 * Loads the files of selvedged's bundle by the bytecode that V8 made of them when they were bundled (see
 * scripts/bundle.mjs), which saves a fifth of the time from the start to subnet.env. Another Node than bundled
 * them does without, as does one that is given other flags for V8: it compiles what it runs, as it always does.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import vm from 'node:vm'

// V8 lets its young generation grow to 48 MB for the one burst of work at the start, and an agent keeps them for good.
// Kept small: 25 MB less with 5,000 peers, and no slower. Here, since bytecode is good for the flags alone that it was
// made under.
setFlagsFromString('--semi-space-growth-factor=1')

interface Loaded {
  readonly script: vm.Script
  readonly module: { exports: unknown }
}

const loaded = new Map<string, Loaded>()

/** What `require` gives for a file of the bundle, a CommonJS module: of ES modules Node takes no bytecode. */
export function load(file: string): unknown {
  const known = loaded.get(file)
  if (known !== undefined) return known.module.exports
  const cachedData = bytecodeOf(file)
  const script = new vm.Script(Module.wrap(readFileSync(file, 'utf8')), {
    filename: nameOf(file),
    ...(cachedData === undefined ? {} : { cachedData }),
  })
  const module = { exports: {} }
  loaded.set(file, { script, module })
  const folder = dirname(file)
  const foreign = createRequire(file)
  const require = (name: string): unknown =>
    name.startsWith('./') ? load(join(folder, name)) : foreign(name)
  const run = script.runInThisContext() as (...parameters: unknown[]) => void
  try {
    run.call(module.exports, module.exports, require, module, file, folder)
  } catch (error) {
    loaded.delete(file)
    throw error
  }
  return module.exports
}

/**
 * Without its folder: V8 keeps the name with the bytecode, and where that was made is nobody's business. By way of bytes,
 * since a part of a string keeps the whole.
 */
const nameOf = (file: string): string => Buffer.from(basename(file)).toString()

function bytecodeOf(file: string): Buffer | undefined {
  try {
    return readFileSync(bytecodeFile(file))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** V8 tells its own versions apart, but not the processors that it made bytecode on. */
const bytecodeFile = (file: string): string => `${file}.${process.version}-${process.arch}.bytecode`

/** Keeps, for later starts, what V8 has compiled by now of what was loaded. */
export function saveBytecode(): void {
  for (const [file, { script }] of loaded) writeFileSync(bytecodeFile(file), script.createCachedData())
}

/** The files for which there was no bytecode, or none that V8 could use. */
export function withoutBytecode(): readonly string[] {
  return [...loaded].filter(([, { script }]) => script.cachedDataRejected !== false).map(([file]) => file)
}
