/** Starts snippets in namespaces of their own, several at a time. */
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const ENTER = fileURLToPath(new URL('enter.mjs', import.meta.url))

/** Fresh namespaces of network, mounts and processes: what it starts ends with it. */
const NAMESPACES = [
  '--net',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--propagation',
  'private',
]

/** Unless the snippet has another, in ms. */
const TIMEOUT_MS = 60_000

/** The command line, but for the file, of that Node.js. */
export const onNode = (node) => [node, '--enable-source-maps']

/**
 * Runs the snippet's file.
 * @param runtime the command line that a file's name is put behind
 * @returns what went wrong, with all that was printed; undefined if it did what is expected
 */
export async function runSnippet(snippet, { runtime, file, cwd, work }) {
  await mkdir(work, { recursive: true })
  const order = JSON.stringify({
    runtime,
    file,
    cwd,
    work,
    timeoutMs: snippet.timeoutMs ?? TIMEOUT_MS,
    expected: asJson(snippet),
  })
  return new Promise((resolve, reject) => {
    const args = [...NAMESPACES, process.execPath, ENTER, order]
    const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk) => {
      output += chunk
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    child.on('error', reject)
    child.on('close', (code) => resolve({ failed: code !== 0, output: output.trim() }))
  })
}

/** Calls `work` for each item, `width` at a time, and stops at nothing. */
export async function forEachOf(items, width, work) {
  const waiting = [...items]
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: width }, lane))
}

function asJson({ code: _code, ...snippet }) {
  const plain = (value) => (value instanceof RegExp ? { source: value.source, flags: value.flags } : value)
  const visit = (value) =>
    Object.prototype.toString.call(value) === '[object Object]'
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, visit(inner)]))
      : plain(value)
  return visit(snippet)
}
