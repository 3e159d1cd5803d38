import { CommandDriver, type CommandDriverOptions } from './driver.js'

/** All records in the folder are ours. */
const SCOPE = { aliases: [], links: [], networks: [] }

/** The driver of what was run for a network whose config names another backend by now; none if there is nothing left. */
export async function leftovers(options: CommandDriverOptions): Promise<readonly CommandDriver[]> {
  // The backend that is in force now may have removed what there was to undo.
  const driver = new CommandDriver({ ...options, maxRemovals: 1 })
  return (await driver.snapshot(SCOPE)).length === 0 ? [] : [driver]
}
