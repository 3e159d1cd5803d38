import { parseSubnetEnv, type SubnetEnv } from '@selvedge/core'
import { type AtomicWriteFs, writeFileAtomically } from '../file/atomic-write.js'
import { isMissing, readBoundedFile } from '../file/bounded-read.js'

/** What flannel writes takes 200 bytes. */
const MAX_BYTES = 64 * 1024

/** The CNI plugin and other readers need not be root. */
const MODE = 0o644

/**
 * Reads a subnet.env, whoever wrote it; undefined if there is none. Rejects with an Error if it cannot be read, is not a
 * regular file or is longer than 64 KiB.
 */
export async function readSubnetEnv(path: string): Promise<Partial<SubnetEnv> | undefined> {
  const text = await readSubnetEnvText(path)
  return text === undefined ? undefined : parseSubnetEnv(text)
}

/** The text of a subnet.env, not parsed; undefined if there is none. Rejects as `readSubnetEnv` does. */
export async function readSubnetEnvText(path: string): Promise<string | undefined> {
  try {
    return await readBoundedFile(path, MAX_BYTES)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/**
 * Writes a subnet.env atomically, with mode 0644 whatever the umask: the CNI plugin reads the old text or the new one,
 * and never a part. Makes the folder. Rejects with the file system's own error.
 *
 * @param text as `overlay.subnetEnv()` returns it
 */
export async function writeSubnetEnv(path: string, text: string, fs?: AtomicWriteFs): Promise<void> {
  await writeFileAtomically(path, [text], { mode: MODE, fs })
}
