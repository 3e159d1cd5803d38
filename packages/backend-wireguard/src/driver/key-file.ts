import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type AbortOptions, OverlayError } from '@selvedge/core'
import { isKey, type KeyPair, keyPairOf } from './keys.js'

/** Where flannel keeps its key. */
export const DEFAULT_KEY_FILE = '/run/flannel/wgkey'

/** What `readKeyFile` is called with. */
export interface KeyFileOptions extends AbortOptions {
  /** Default: {@link DEFAULT_KEY_FILE}. */
  readonly path?: string | undefined
}

/**
 * Reads this node's key, or makes one if there is no file yet: of mode 0600 from its first byte, and complete or absent
 * at any moment. Of several processes that make one at once, the first one's counts for all.
 *
 * Rejects with an OverlayError: `INVALID_CONFIG` if the file holds no key, else `ACCESS_DENIED` or `UNSUPPORTED` if it
 * can be neither read nor made. None quotes what the file holds.
 */
export async function readKeyFile(options: KeyFileOptions = {}): Promise<KeyPair> {
  const { path = DEFAULT_KEY_FILE } = options
  const existing = await findKeyFile(options)
  if (existing !== undefined) return existing
  await create(path)
  const created = await read(path)
  if (created !== undefined) return created
  throw new OverlayError('UNSUPPORTED', `${path} was deleted while this node's WireGuard key was put there`)
}

/** Reads this node's key; undefined if there is no file yet. Rejects as {@link readKeyFile} does, and makes nothing. */
export async function findKeyFile({
  path = DEFAULT_KEY_FILE,
  signal,
}: KeyFileOptions = {}): Promise<KeyPair | undefined> {
  const found = await read(path)
  signal?.throwIfAborted()
  return found
}

async function read(path: string): Promise<KeyPair | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw failure(`reading this node's WireGuard key from ${path}`, error)
  })
  if (text === undefined) return undefined
  // flanneld writes no newline, `wg genkey` does.
  if (isKey(text.trim())) return keyPairOf(text.trim())
  throw new OverlayError(
    'INVALID_CONFIG',
    `${path} must hold a private key as \`wg genkey\` prints it, 32 bytes in base64, but holds something else; ` +
      'restore it, or delete it, and this node makes a new key',
  )
}

async function create(path: string): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(beside, 'wx', 0o600)
    try {
      await file.writeFile(generateKey())
      await file.sync()
    } finally {
      await file.close()
    }
    // A rename would replace the key that another process has just put there.
    await link(beside, path).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error
    })
  } catch (error) {
    throw failure(`writing a new WireGuard key to ${path}`, error)
  } finally {
    await rm(beside, { force: true }).catch(() => undefined)
  }
}

function generateKey(): string {
  const { privateKey } = generateKeyPairSync('x25519')
  const { d = '' } = privateKey.export({ format: 'jwk' })
  return Buffer.from(d, 'base64url').toString('base64')
}

const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

function failure(attempted: string, error: unknown): OverlayError {
  const errno = errnoOf(error) ?? 'EIO'
  const isDenied = errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS'
  return new OverlayError(
    isDenied ? 'ACCESS_DENIED' : 'UNSUPPORTED',
    `${attempted}: ${errno}; the agent needs to read and write that file, or another one: set WIREGUARD_KEY_FILE`,
    { errno, cause: error },
  )
}
