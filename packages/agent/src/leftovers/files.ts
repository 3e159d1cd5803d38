import { lstat, readdir, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { OverlayError } from '@selvedge/core'

/** A file of an agent's. */
export interface LeftFile {
  /** An absolute path, as far as the settings name one. */
  readonly path: string
  /** Whether it is a folder, in which all is an agent's. */
  readonly isFolder?: boolean | undefined
  /** What it is, in words. */
  readonly what: string
}

/** Those that are there. */
export async function existing(files: readonly LeftFile[]): Promise<readonly LeftFile[]> {
  const found: LeftFile[] = []
  for (const file of files) {
    const exists = await lstat(file.path).then(
      () => true,
      (error) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
    )
    if (exists) found.push(file)
  }
  return found
}

/** Removes it, and the folder around it if that is a run directory of an agent's that is empty then. */
export async function removeFile({ path, isFolder = false }: LeftFile): Promise<OverlayError | undefined> {
  try {
    await rm(path, { recursive: isFolder, force: true })
  } catch (error) {
    return OverlayError.from(error, 'DRIVER_REFUSED', `removing ${path}`)
  }
  await removeRunDirectory(dirname(path))
  return undefined
}

/** Removes it and the folders in it as far as they are empty: a folder that a variable names may hold anything. */
export async function removeEmptyFolders(path: string): Promise<void> {
  for (const name of await readdir(path).catch((): string[] => [])) await removeIfEmpty(join(path, name))
  await removeIfEmpty(path)
}

const removeIfEmpty = (path: string): Promise<void> => rmdir(path).catch(() => undefined)

async function removeRunDirectory(path: string): Promise<void> {
  if (!['flannel', 'selvedge'].includes(basename(path))) return
  await removeIfEmpty(path)
}
