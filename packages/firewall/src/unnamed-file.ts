import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { OverlayError } from '@selvedge/core'

/** include/uapi/asm-generic/fcntl.h: a file without a name, in a folder. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

/** In memory, and there in a container whose root is read-only. */
const FOLDERS = ['/dev/shm', tmpdir()]

/** A file with a text and without a name, for a program that reads its input by a path. It is gone once it is closed. */
export async function unnamedFile(text: string): Promise<FileHandle> {
  let cause: unknown
  for (const folder of FOLDERS) {
    try {
      const file = await open(folder, O_TMPFILE | constants.O_RDWR, 0o600)
      await file.writeFile(text)
      return file
    } catch (error) {
      cause = error
    }
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  throw new OverlayError(
    'DRIVER_REFUSED',
    `no file for nft's input could be made in ${FOLDERS.join(' or ')}: ${why}. Mount one of them writable`,
    { cause },
  )
}
