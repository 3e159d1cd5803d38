import { chmod, readFile, stat } from 'node:fs/promises'
import { writeFileAtomically } from '@selvedge/node-state'

/**
 * Replaces a file atomically, unless it holds that text already: a container runtime loads a config again that has changed.
 *
 * @returns whether it was written
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<boolean> {
  if (await holdsText(path, text)) {
    if (((await stat(path)).mode & 0o7777) !== mode) await chmod(path, mode)
    return false
  }
  try {
    await writeFileAtomically(path, [text], { mode })
  } catch (error) {
    // Two processes that install the same are in each other's way, and either may do it.
    if (!(await holdsText(path, text))) throw error
  }
  return true
}

async function holdsText(path: string, text: string): Promise<boolean> {
  const content = await readFile(path, 'utf8').catch(() => undefined)
  return content === text
}
