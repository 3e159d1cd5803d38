/**
 * Runs one snippet in surroundings of its own: the process of id 1 in fresh namespaces of network, mounts and processes,
 * as run-snippet.mjs starts it. Everything that it starts ends with it; nothing that it mounts or writes is seen outside.
 *
 * Its argument is JSON: what the snippet needs, and how it is run. It prints what the snippet prints.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { runQuietly } from '../terminal.mjs'
import { startEtcd, startKubernetes, startNats } from './services.mjs'
import { makeHost } from './surroundings.mjs'

const { runtime, file, cwd, expected, work, timeoutMs } = JSON.parse(process.argv[2])

await makeHost(work)
if (expected.etcd !== undefined) await startEtcd(work, expected)
if (expected.nats) await startNats(work, expected)
if (expected.kubernetes) await startKubernetes(work)
const lacks = await lackedLinkType(expected.withoutLinkType)
const wanted = lacks === undefined ? expected : { ...lacks, fails: true }
if (lacks !== undefined) process.stdout.write(`the kernel has no link type ${lacks.type}\n`)
process.exit(await run(wanted))

/** What is expected instead, if the kernel here has no such link type. */
async function lackedLinkType(alternative) {
  if (alternative === undefined) return undefined
  try {
    await runQuietly('ip', [
      'link',
      'add',
      'probe',
      'type',
      alternative.type,
      'local',
      '10.0.0.5',
      'remote',
      '10.0.0.6',
    ])
    await runQuietly('ip', ['link', 'del', 'probe'])
    return undefined
  } catch {
    return alternative
  }
}

/** Runs the snippet to its end; gives 0 if it does what is expected. */
function run({ prints, writes, args = [], files = {}, stops = false, fails = false }) {
  for (const [path, text] of Object.entries(files)) writeFileSync(path, text)
  return new Promise((resolve) => {
    // What it says is English, as tests expect it.
    const [command, ...options] = runtime
    const child = spawn(command, [...options, file, ...args], {
      cwd,
      env: { ...process.env, LC_ALL: 'C', NO_COLOR: '1' },
    })
    let output = ''
    const isDone = () =>
      (prints === undefined || new RegExp(prints.source, prints.flags).test(output)) &&
      (writes === undefined ||
        (existsSync(writes.file) &&
          new RegExp(writes.text.source, writes.text.flags).test(readFileSync(writes.file, 'utf8'))))
    let isStopped = false
    const stopIfDone = () => {
      if (!stops || isStopped || !isDone()) return
      isStopped = true
      child.kill('SIGTERM')
    }
    const collect = (chunk) => {
      output += chunk
      process.stdout.write(chunk)
      stopIfDone()
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    // For what it writes to a file, of which nobody tells.
    const poll = setInterval(stopIfDone, 50)
    const timer = setTimeout(() => {
      process.stdout.write(`\nnot done after ${timeoutMs / 1000} s\n`)
      child.kill('SIGKILL')
    }, timeoutMs)
    child.on('close', (code, signal) => {
      clearInterval(poll)
      clearTimeout(timer)
      if (signal !== null) process.stdout.write(`\nended by ${signal}\n`)
      else if ((code === 0) === fails) process.stdout.write(`\nexited with ${code}\n`)
      else if (!isDone()) process.stdout.write('\nit did not print or write what was expected\n')
      else return resolve(0)
      resolve(1)
    })
  })
}
