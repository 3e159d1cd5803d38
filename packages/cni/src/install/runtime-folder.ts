import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { InstallError } from './error.js'
import { LOADER, NODE, PROGRAM } from './launcher.js'

const run = promisify(execFile)

/** What the plugin runs in: files of one folder, by name, with their SHA-256. */
export interface Runtime {
  readonly folder: string
  readonly digests: ReadonlyMap<string, string>
}

/** Longer than an installation takes: what is older belongs to none that is under way. */
const INSTALLING_MS = 60_000

/** Node.js starts within a tenth of a second; a machine that boots is slower. */
const TRYING_MS = 30_000

const TEMPORARY = '.tmp-'

/** @throws {InstallError} SOURCE_INVALID if there is no plugin or no Node.js in it */
export async function readSource(folder: string): Promise<Runtime> {
  const digests = await digestsOf(folder).catch((error: unknown) => {
    throw new InstallError('SOURCE_INVALID', `reading the plugin in ${folder}: ${(error as Error).message}`)
  })
  for (const file of [PROGRAM, NODE]) {
    if (!digests.has(file)) throw new InstallError('SOURCE_INVALID', `${folder} has no ${file}`)
  }
  return { folder, digests }
}

/**
 * Makes a folder below `runtimes` that holds the same files: it appears whole or not at all. One that is there already
 * is used, unless it is damaged.
 *
 * @param inUse the name of the one that is in use
 * @returns the folder's name
 */
export async function installRuntime(
  source: Runtime,
  runtimes: string,
  inUse: string | undefined,
): Promise<string> {
  if (inUse !== undefined && (await holds(join(runtimes, inUse), source))) return inUse
  const name = nameOf(source)
  const temporary = join(runtimes, `${TEMPORARY}${randomBytes(6).toString('hex')}`)
  try {
    await mkdir(temporary, { mode: 0o755 })
    for (const file of source.digests.keys())
      await copyDurably(join(source.folder, file), join(temporary, file))
    await syncFolder(temporary)
    const installed = await putInPlace(temporary, name, source, runtimes)
    await syncFolder(runtimes)
    return installed
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined) // what failed first is what counts
  }
}

async function putInPlace(
  temporary: string,
  name: string,
  source: Runtime,
  runtimes: string,
): Promise<string> {
  try {
    await rename(temporary, join(runtimes, name))
    return name
  } catch (error) {
    if (!isOccupied(error)) throw error
    // Another process was faster, or what is there is damaged, and may be in use.
    if (await holds(join(runtimes, name), source)) return name
    const other = `${name}-${randomBytes(3).toString('hex')}`
    await rename(temporary, join(runtimes, other))
    return other
  }
}

/**
 * Removes all runtimes but the one in use, and what killed processes have left. One that another process has installed, and
 * is about to put to use, is too new for that.
 */
export async function removeOldRuntimes(runtimes: string, inUse: string | undefined): Promise<void> {
  for (const name of await readdir(runtimes)) {
    const path = join(runtimes, name)
    if (name !== inUse && (await isOld(path))) await rm(path, { recursive: true, force: true })
  }
}

/** @throws {InstallError} TARGET_UNUSABLE if the plugin cannot be run there, as on a file system mounted noexec */
export async function tryRuntime(
  folder: string,
  { hasLoader }: { readonly hasLoader: boolean },
): Promise<void> {
  const [program = '', ...args] = [...(hasLoader ? [LOADER] : []), NODE, PROGRAM].map((name) =>
    join(folder, name),
  )
  try {
    const { stdout } = await run(program, args, { env: { CNI_COMMAND: 'VERSION' }, timeout: TRYING_MS })
    JSON.parse(stdout)
  } catch (error) {
    throw new InstallError(
      'TARGET_UNUSABLE',
      `the plugin does not run in ${folder}: ${(error as Error).message.trim()}; is it mounted noexec, or the image for another architecture?`,
      { cause: error },
    )
  }
}

/** The same files give the same name, so that two processes at once agree. */
function nameOf({ digests }: Runtime): string {
  const hash = createHash('sha256')
  for (const [file, digest] of digests) hash.update(`${file} ${digest}\n`)
  return hash.digest('hex').slice(0, 12)
}

async function holds(folder: string, { digests }: Runtime): Promise<boolean> {
  const found = await digestsOf(folder).catch(() => new Map<string, string>())
  return found.size === digests.size && [...digests].every(([file, digest]) => found.get(file) === digest)
}

async function digestsOf(folder: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  for (const name of (await readdir(folder)).sort()) digests.set(name, await digestOf(join(folder, name)))
  return digests
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk)
  return hash.digest('hex')
}

async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  await chmod(to, to.endsWith(`/${NODE}`) || to.endsWith(`/${LOADER}`) ? 0o755 : 0o644)
  const file = await open(to, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function isOld(path: string): Promise<boolean> {
  const modified = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.POSITIVE_INFINITY,
  )
  return Date.now() - modified > INSTALLING_MS
}

const isOccupied = (error: unknown): boolean =>
  ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
