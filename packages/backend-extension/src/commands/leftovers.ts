import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Driver } from '@selvedge/core'
import { CommandDriver, type CommandDriverOptions } from './driver.js'
import { CommandRecords } from './records.js'
import { STARTUP_KEY } from './resource.js'
import { DEFAULT_TIMEOUT_S, type ExtensionOptions, surroundings } from './surroundings.js'

/** All records in the folder are ours. */
const SCOPE = { aliases: [], links: [], networks: [] }

/** The driver of what was run for a network whose config names another backend by now; none if there is nothing left. */
export async function leftovers(options: CommandDriverOptions): Promise<readonly CommandDriver[]> {
  // The backend that is in force now may have removed what there was to undo.
  const driver = new CommandDriver({ ...options, maxRemovals: 1 })
  return (await driver.snapshot(SCOPE)).length === 0 ? [] : [driver]
}

/** `CommandResource.startup` of the last start that ran commands for this network; empty if there was none. */
export async function lastStartup(folder: string): Promise<string> {
  const records = await new CommandRecords(folder).list()
  const start = records.find(({ key }) => key === STARTUP_KEY) ?? records[0]
  return start?.startup ?? ''
}

/**
 * The drivers of what was run on this host for whichever networks, one for each; none if there is nothing left. Rejects with
 * the file system's own error if the records cannot be read.
 */
export async function extensionLeftovers(options: ExtensionOptions = {}): Promise<readonly Driver[]> {
  const { folder, environment } = surroundings(options)
  const names = await readdir(folder).catch((error): string[] => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const timeoutMs = DEFAULT_TIMEOUT_S * 1_000
  const left = await Promise.all(
    names.sort().map((name) => leftovers({ folder: join(folder, name), environment, timeoutMs })),
  )
  return left.flat()
}
