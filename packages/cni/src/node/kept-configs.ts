import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject } from '@selvedge/core/kit'
import { readBoundedFile, writeFileAtomically } from '@selvedge/node-state'
import type { DelegateConfig } from '../config/delegate-config.js'
import type { ValidAttachment } from '../config/plugin-config.js'
import { isName } from '../protocol/call.js'

/** What an attachment was made with: an absent file and one that is no config are told apart for the sake of a log. */
export type Kept =
  | { readonly type: 'config'; readonly path: string; readonly config: DelegateConfig }
  | { readonly type: 'broken'; readonly path: string; readonly why: string }
  | { readonly type: 'none' }

/** A kept config, and the attachment that its file's name tells: flannel's names have no interface. */
export interface KeptAttachment {
  readonly containerId: string
  readonly ifName: string | undefined
  readonly kept: Exclude<Kept, { readonly type: 'none' }>
}

const MAX_BYTES = 1024 * 1024

/** Longer than any write of a file takes. */
const WRITING_MS = 60_000

/** flannel's name for a file is the container's ID; what every container's first interface is called needs no more. */
const FIRST_INTERFACE = 'eth0'

/** No container's ID holds it. */
const SEPARATOR = '@'

/**
 * The delegate's config of every attachment, a file each in one folder: DEL must undo what ADD did, whatever the
 * network config and subnet.env say by then.
 */
export class KeptConfigs {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async save({ containerId, ifName }: ValidAttachment, config: DelegateConfig): Promise<void> {
    // Capability arguments may hold secrets.
    await writeFileAtomically(this.#pathOf(containerId, ifName), [JSON.stringify(config)], { mode: 0o600 })
  }

  /**
   * What was kept for an attachment to a network. What flannel kept counts as well: it names its file after the
   * container, whatever the interface, so that of two networks of flannel one container's last one counts.
   */
  async read({ containerId, ifName }: ValidAttachment, network: string): Promise<Kept> {
    const own = await this.#read(this.#pathOf(containerId, ifName))
    if (own.type !== 'none' || ifName === FIRST_INTERFACE) return own
    const flannels = await this.#read(this.#pathOf(containerId, FIRST_INTERFACE))
    return flannels.type === 'config' && flannels.config.name === network ? flannels : { type: 'none' }
  }

  /** All that is kept for a network's attachments, and what is broken, which may be any network's. */
  async list(network: string): Promise<readonly KeptAttachment[]> {
    const found: KeptAttachment[] = []
    for (const name of await this.#names()) {
      const [containerId = '', ifName] = name.split(SEPARATOR)
      if (!isName(containerId)) continue
      const kept = await this.#read(join(this.#folder, name))
      if (kept.type === 'none' || (kept.type === 'config' && kept.config.name !== network)) continue
      found.push({ containerId, ifName, kept })
    }
    return found
  }

  /** Removes a broken file, unless it is so new that a call may be writing it at this moment. */
  async removeIfOld({ path }: { readonly path: string }): Promise<void> {
    const modified = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    )
    if (Date.now() - modified > WRITING_MS) await rm(path, { force: true })
  }

  async remove({ path }: { readonly path: string }): Promise<void> {
    await rm(path, { force: true })
  }

  #pathOf(containerId: string, ifName: string): string {
    return join(
      this.#folder,
      ifName === FIRST_INTERFACE ? containerId : `${containerId}${SEPARATOR}${ifName}`,
    )
  }

  async #names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#folder)).sort()
    } catch (error) {
      if (isAbsent(error)) return []
      throw error
    }
  }

  async #read(path: string): Promise<Kept> {
    let text: string
    try {
      text = await readBoundedFile(path, MAX_BYTES)
    } catch (error) {
      if (isAbsent(error)) return { type: 'none' }
      return { type: 'broken', path, why: String(error) }
    }
    try {
      const config: unknown = JSON.parse(text)
      if (isDelegateConfig(config)) return { type: 'config', path, config }
      return { type: 'broken', path, why: 'it is no network config' }
    } catch (error) {
      return { type: 'broken', path, why: String(error) }
    }
  }
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

function isDelegateConfig(value: unknown): value is DelegateConfig {
  if (!isJsonObject(value) || typeof value.name !== 'string' || typeof value.type !== 'string') return false
  return isJsonObject(value.ipam) && typeof value.ipam.type === 'string'
}
