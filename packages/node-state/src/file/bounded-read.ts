import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

const CHUNK_BYTES = 64 * 1024

const LINE_FEED = 0x0a

/**
 * Reads a text file of at most `maxBytes` bytes. Whatever a path leads to, it neither waits nor takes more memory than
 * that: a FIFO, a device or a longer file is an Error that names the path and says so. Other failures are the file
 * system's own.
 *
 * @param maxLines reads no more than the lines that are asked for, and their ends
 */
export async function readBoundedFile(
  path: string,
  maxBytes: number,
  maxLines = Number.POSITIVE_INFINITY,
): Promise<string> {
  // Without O_NONBLOCK, opening a FIFO waits for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (stat.isDirectory()) throw new Error(`${path} is a folder`)
    if (!stat.isFile()) throw new Error(`${path} is not a regular file`)
    const chunks: Buffer[] = []
    let linesLeft = maxLines
    // A file may be longer than its size says: it grows, or it is one of /proc.
    for (let bytes = 0; bytes <= maxBytes; ) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(CHUNK_BYTES) })
      const chunk = buffer.subarray(0, bytesRead)
      let end = 0
      while (linesLeft > 0 && linesLeft < Number.POSITIVE_INFINITY && chunk.includes(LINE_FEED, end)) {
        end = chunk.indexOf(LINE_FEED, end) + 1
        linesLeft -= 1
      }
      chunks.push(linesLeft === 0 ? chunk.subarray(0, end) : chunk)
      if (bytesRead === 0 || linesLeft === 0) return Buffer.concat(chunks).toString('utf8')
      bytes += bytesRead
    }
    throw new Error(`${path} is longer than ${maxBytes} bytes`)
  } finally {
    await file.close()
  }
}

/** Whether reading failed because there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
