import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/**
 * Reads a text file of at most `maxBytes`. Rejects for anything that is not a regular file: a pipe would be waited for,
 * and could be read only once.
 */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  // Without O_NONBLOCK, opening a pipe waits for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is not a regular file`)
    const buffer = Buffer.allocUnsafe(maxBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length)
      if (bytesRead === 0) return buffer.toString('utf8', 0, length)
      length += bytesRead
      if (length > maxBytes) throw new Error(`${path} is longer than ${maxBytes} bytes`)
    }
  } finally {
    await file.close()
  }
}
