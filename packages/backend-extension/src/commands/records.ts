import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject } from '@selvedge/core/kit'
import { readBoundedFile, writeFileAtomically } from '@selvedge/node-state'
import type { CommandResource } from './resource.js'

const SUFFIX = '.json'
const MAX_RECORD_BYTES = 512 * 1024
/** It changes when the machine starts, which undoes whatever commands have done to the kernel. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id'

/**
 * Which commands have been run, a file each, so that a peer that leaves while no agent runs is still removed. Files are
 * written whole, for their owner alone: commands may hold secrets.
 */
export class CommandRecords {
  readonly #folder: string
  #boot: Promise<string> | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  /** All of them. Files that are no record, or of an earlier boot, are none. */
  async list(): Promise<readonly CommandResource[]> {
    const names = await readdir(this.#folder).catch(ifMissing([] as string[]))
    const records = []
    for (const name of names.toSorted()) {
      if (!name.endsWith(SUFFIX)) continue
      const record = await this.#read(join(this.#folder, name))
      if (record !== undefined && fileName(record.key) === name) records.push(record)
    }
    return records
  }

  async get(key: string): Promise<CommandResource | undefined> {
    const record = await this.#read(this.#path(key))
    return record?.key === key ? record : undefined
  }

  async put(resource: CommandResource): Promise<void> {
    const text = `${JSON.stringify({ boot: await this.#bootId(), resource })}\n`
    await writeFileAtomically(this.#path(resource.key), [text], { mode: 0o600 })
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true })
  }

  async #read(path: string): Promise<CommandResource | undefined> {
    const text = await readBoundedFile(path, MAX_RECORD_BYTES).catch(ifMissing(undefined))
    if (text === undefined) return undefined
    const record = parse(text)
    return isJsonObject(record) && record.boot === (await this.#bootId()) && isResource(record.resource)
      ? record.resource
      : undefined
  }

  #bootId(): Promise<string> {
    this.#boot ??= readFile(BOOT_ID, 'utf8').then(
      (text) => text.trim(),
      () => '',
    )
    return this.#boot
  }

  #path(key: string): string {
    return join(this.#folder, fileName(key))
  }
}

const fileName = (key: string): string => `${encodeURIComponent(key)}${SUFFIX}`

const ifMissing =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return instead
    throw error
  }

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isResource(value: unknown): value is CommandResource {
  return (
    isJsonObject(value) &&
    value.kind === 'command' &&
    [value.key, value.subject, value.input, value.startup].every((text) => typeof text === 'string') &&
    typeof value.done === 'boolean' &&
    isJsonObject(value.environment) &&
    Object.values(value.environment).every((text) => typeof text === 'string') &&
    [value.add, value.remove].every(isCommand)
  )
}

const isCommand = (value: unknown): boolean =>
  value === undefined ||
  (isJsonObject(value) &&
    typeof value.name === 'string' &&
    typeof value.text === 'string' &&
    typeof value.shell === 'boolean')
