import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject } from '@selvedge/core/kit'
import type { JsonObject } from '../config/plugin-config.js'
import type { Environment } from '../protocol/call.js'
import { CNI_CODE, CniError } from '../protocol/error.js'

/** A result is some kilobytes; a plugin that writes more is broken. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024

/**
 * Runs another plugin with a config on its standard input, as libcni does, and resolves with what it wrote. Its
 * standard error is this process's.
 *
 * Rejects with a CniError: the plugin's own, if it failed with one.
 *
 * @param env with CNI_COMMAND and what belongs to it
 */
export async function runPlugin(type: string, config: JsonObject, env: Environment): Promise<string> {
  const path = await findPlugin(type, env.CNI_PATH ?? '')
  const { status, output } = await run(path, JSON.stringify(config), env)
  if (status === 0) return output
  throw (
    errorOf(output) ??
    new CniError(CNI_CODE.internal, `plugin ${type} ended with ${status}, and did not say why`)
  )
}

/** The versions of CNI that a plugin knows; empty if it does not say. */
export async function versionsOf(type: string, env: Environment): Promise<readonly unknown[]> {
  const output = await runPlugin(type, { cniVersion: '0.4.0' }, { ...env, CNI_COMMAND: 'VERSION' })
  const answer: unknown = JSON.parse(output)
  return isJsonObject(answer) && Array.isArray(answer.supportedVersions) ? answer.supportedVersions : []
}

/** The first file of this name in the folders of CNI_PATH; rejects with a CniError that names them. */
async function findPlugin(type: string, folders: string): Promise<string> {
  for (const folder of folders.split(':')) {
    if (folder === '') continue
    const path = join(folder, type)
    if (await isProgram(path)) return path
  }
  throw new CniError(CNI_CODE.ioFailure, `failed to find plugin "${type}" in path [${folders}]`)
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

interface Run {
  /** The exit status or the signal, such as 1 or `SIGKILL`. */
  readonly status: number | NodeJS.Signals | null
  readonly output: string
}

function run(path: string, input: string, env: Environment): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, [], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    const chunks: Buffer[] = []
    let bytes = 0
    child.on('error', (error) =>
      reject(new CniError(CNI_CODE.ioFailure, `${path} cannot be run: ${error.message}`, { cause: error })),
    )
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk)
      else child.kill('SIGKILL')
    })
    child.stdin.on('error', () => undefined) // it ended without reading all: its status says why
    child.stdin.end(input)
    child.on('close', (code, signal) =>
      resolve({ status: code ?? signal, output: Buffer.concat(chunks).toString('utf8') }),
    )
  })
}

function errorOf(output: string): CniError | undefined {
  try {
    const body: unknown = JSON.parse(output)
    if (!isJsonObject(body) || typeof body.code !== 'number' || typeof body.msg !== 'string') return undefined
    const { code, msg, details } = body
    return new CniError(code, msg, typeof details === 'string' ? { details } : {})
  } catch {
    return undefined
  }
}
