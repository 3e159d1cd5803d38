/**
 * What the scripts say while they work: one aligned line a step, and nothing else unless it fails.
 */
import { spawn } from 'node:child_process'

const NAME_WIDTH = 14

/** A failure that the reader can act on: printed as one line, without a stack. */
export class SetupError extends Error {
  name = 'SetupError'
}

/** Prints one line of a step to stderr, which leaves stdout to the program that the step prepares. */
export function say(name, text) {
  process.stderr.write(`${name.padEnd(NAME_WIDTH)}${text}\n`)
}

/** Runs `work`, then says how long it took. Says beforehand what it is about to do. */
export async function step(name, text, work) {
  say(name, text)
  const start = performance.now()
  await work()
  say(name, `done in ${((performance.now() - start) / 1000).toFixed(1)} s`)
}

/**
 * Runs a command to its end without showing what it prints, unless it fails.
 * @throws {SetupError} with the command and all that it said.
 */
export function runQuietly(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk) => {
      output += chunk
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    child.on('error', (cause) => reject(new SetupError(`${command}: ${cause.message}`, { cause })))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(output)
      reject(new SetupError(`${[command, ...args].join(' ')} failed (${signal ?? code}):\n${output.trim()}`))
    })
  })
}

/**
 * Runs a command on this terminal and gives its exit status.
 *
 * Ctrl-C reaches the command by itself, since it is of the same process group. This process only
 * waits, so that the command can clean up before the shell's prompt is back.
 */
export function runInForeground(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const wait = () => {}
    const child = spawn(command, args, { ...options, stdio: 'inherit' })
    const passOn = () => child.kill('SIGTERM')
    process.on('SIGINT', wait).on('SIGTERM', passOn)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('SIGINT', wait).off('SIGTERM', passOn)
      resolve(signal ? 1 : (code ?? 1))
    })
  })
}

/** Runs a script's `main`, and turns what it gives, or throws, into the process's exit status. */
export async function runMain(main) {
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof SetupError ? error.message : (error?.stack ?? error)}\n`)
    process.exitCode = 1
  }
}
