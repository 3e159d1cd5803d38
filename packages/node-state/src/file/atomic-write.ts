import type { Stats } from 'node:fs'
import * as nodeFs from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** The parts of `node:fs/promises` that an atomic write takes; a test injects its own. */
export type AtomicWriteFs = Pick<typeof nodeFs, 'mkdir' | 'open' | 'rename' | 'rm'> & {
  /** As `stat` of `node:fs/promises`, without its options. */
  stat(path: string): Promise<Stats>
}

/** What `writeFileAtomically` is called with. */
export interface AtomicWriteOptions {
  /** The file's permissions, such as 0o600, whatever the umask. */
  readonly mode: number
  /** The disk; a test injects its own. Default: `node:fs/promises`. */
  readonly fs?: AtomicWriteFs | undefined
}

/** Folders that are made: for everyone to enter and for their owner alone to write to, even with a umask of 0. */
const FOLDER_MODE = 0o755

/** Writes under way in this process: those to one file share its temporary name, and take turns. */
const underWay = new Map<string, Promise<void>>()

/** Where the text of a file is before it is whole: one fixed name, so that what a killed process left does not pile up. */
export const temporaryPath = (path: string): string => `${path}.tmp`

/**
 * Replaces a file so that a reader sees the old text or the new one and never a part, whenever the machine stops:
 * writes beside it, flushes to disk, renames. Makes the folder. If it fails, the old file stands and nothing is left
 * beside it; it rejects with the file system's own error.
 *
 * @param chunks each is written before the next one is taken: other work goes on between them
 */
export function writeFileAtomically(
  path: string,
  chunks: Iterable<string>,
  options: AtomicWriteOptions,
): Promise<void> {
  const file = resolve(path)
  const before = underWay.get(file)
  const write = async (): Promise<void> => {
    await before?.catch(() => undefined)
    try {
      await replace(file, chunks, options)
    } finally {
      if (underWay.get(file) === writing) underWay.delete(file)
    }
  }
  const writing = write()
  underWay.set(file, writing)
  return writing
}

async function replace(
  path: string,
  chunks: Iterable<string>,
  { mode, fs = nodeFs }: AtomicWriteOptions,
): Promise<void> {
  await fs.mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
  const temporary = temporaryPath(path)
  await fs.rm(temporary, { force: true }).catch(() => undefined) // if it cannot go, opening says why
  try {
    const file = await fs.open(temporary, 'wx', mode)
    let written: string
    try {
      await file.chmod(mode) // the umask may have taken some of it
      for (const chunk of chunks) await file.writeFile(chunk)
      await file.sync()
      written = identityOf(await file.stat())
    } finally {
      await file.close()
    }
    if (identityOf(await fs.stat(temporary)) !== written) {
      throw new Error(`another process writes ${path} as well`)
    }
    await fs.rename(temporary, path)
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined) // the caller needs to know what failed first
    throw error
  }
}

/** Tells a file from one that has taken its place since: an inode alone may have been used again. */
export const identityOf = ({ ino, ctimeMs }: Stats): string => `${ino} ${ctimeMs}`
