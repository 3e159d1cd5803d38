import { join } from 'node:path'
import { InstallError } from './error.js'

/** The plugin's code, in a folder of the runtime. */
export const PROGRAM = 'flannel.cjs'
/** Node.js itself. */
export const NODE = 'node'
/** The dynamic loader that Node.js was linked for, if the runtime brings its own libraries. */
export const LOADER = 'ld.so'

/** What Linux reads of a first line, and before 5.1 (BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h), its end included. */
const MAX_FIRST_LINE = { now: 255, before51: 127 }

/** The plugin's compiled code, from Node.js 22.1 on. Whoever can write to it decides what runs: root alone. */
const COMPILE_CACHE = '/var/cache/selvedge/cni'

export interface LauncherOptions {
  /** Whether the runtime brings its own libraries. */
  readonly hasLoader: boolean
  /** The kernel's release, such as `6.1.0-18-amd64`. */
  readonly kernel: string
}

/**
 * The text of the file that a container runtime executes. The kernel starts Node.js by its first line, without a shell
 * or anything else of the host's: some have none.
 *
 * @param folder of the runtime, absolute, as the host has it
 * @throws {InstallError} TARGET_UNUSABLE if the kernel could not read its first line
 */
export function launcherText(folder: string, { hasLoader, kernel }: LauncherOptions): string {
  const node = join(folder, NODE)
  const firstLine = hasLoader ? `#!${join(folder, LOADER)} ${node}` : `#!${node}`
  const max = maxFirstLine(kernel)
  // The kernel divides the line at blanks.
  if (/\s/.test(folder) || Buffer.byteLength(firstLine) > max) {
    throw new InstallError(
      'TARGET_UNUSABLE',
      `a plugin whose first line is '${firstLine}' cannot be started: the kernel reads ${max} bytes of it and divides ` +
        'them at blanks; choose a shorter path without any',
    )
  }
  return [
    firstLine,
    `require('node:module').enableCompileCache?.(${JSON.stringify(COMPILE_CACHE)})`,
    `require(${JSON.stringify(join(folder, PROGRAM))})\n`,
  ].join('\n')
}

function maxFirstLine(kernel: string): number {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10))
  return major > 5 || (major === 5 && minor >= 1) ? MAX_FIRST_LINE.now : MAX_FIRST_LINE.before51
}

/** The name of the runtime's folder in a launcher that `launcherText` wrote; undefined for any other file. */
export function runtimeOf(launcher: string, runtimes: string): string | undefined {
  const [, path] = /^require\(("[^"\\]+")\)$/m.exec(launcher) ?? []
  if (path === undefined) return undefined
  const [name, file, ...rest] = path.slice(1, -1).slice(`${runtimes}/`.length).split('/')
  const isOurs = path.slice(1).startsWith(`${runtimes}/`) && file === PROGRAM && rest.length === 0
  return isOurs && name !== undefined && /^\w/.test(name) ? name : undefined
}
