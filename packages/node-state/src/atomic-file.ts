import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file so that a reader sees the old text or the new one and never a part, whenever the machine stops: beside
 * it, flushed to disk, renamed over it. Makes the folder. On failure the old file stands and nothing is left beside it.
 *
 * @param chunks each is written before the next one is made: other work goes on between them
 * @param mode such as 0o600
 */
export async function writeFileAtomically(
  path: string,
  chunks: Iterable<string>,
  mode: number,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const beside = `${path}.${randomUUID()}`
  try {
    const file = await open(beside, 'wx', mode)
    try {
      for (const chunk of chunks) await file.writeFile(chunk)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}
