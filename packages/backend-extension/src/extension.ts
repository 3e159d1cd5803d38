import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackendLoader, Driver, NetworkConfig } from '@selvedge/core'
import { extensionBackend, variables } from './backend.js'
import { CommandDriver, type Environment, leftovers, publishable } from './commands/index.js'
import { DEFAULT_TIMEOUT_S, readSettings, TYPE } from './settings.js'

const DEFAULT_FOLDER = '/run/flannel/extension'
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface ExtensionOptions {
  /**
   * The folder that the records of what was run are kept in; a folder of the network's name is made in it. Two overlays
   * of one network on one machine need one each. Default: `/run/flannel/extension`.
   */
  readonly folder?: string | undefined
  /** What every command finds in its environment besides its own variables. Default: a PATH. */
  readonly environment?: Environment | undefined
}

/**
 * The extension backend, compatible with flannel's: commands of the network config do the work. `PreStartupCommand` is
 * run when the backend is loaded, at each start, since what it prints is published with the lease; the others are
 * resources of kind `command`, which the driver that the backend brings holds.
 *
 * Loading rejects with `INVALID_CONFIG` for settings that break a rule, and with `DRIVER_REFUSED` if
 * `PreStartupCommand` fails, takes too long or prints too much.
 */
export function extension(options: ExtensionOptions = {}): BackendLoader {
  const { environment = { PATH: DEFAULT_PATH } } = options
  const folderOf = (config: NetworkConfig): string => join(options.folder ?? DEFAULT_FOLDER, nameOf(config))
  return {
    type: TYPE,
    async load({ config, ...addresses }, { signal }) {
      const { preStartup, postStartup, shutdown, timeoutMs } = readSettings(config)
      const own = variables(config, (parts) => ({ publicAddress: addresses[parts.publicAddress] }))
      const subject = 'this node'
      const run = { subject, environment: { ...environment, ...own }, input: '', timeoutMs, signal }
      return extensionBackend({
        published: preStartup && (await publishable({ ...run, command: preStartup })),
        startup: preStartup || postStartup || shutdown ? randomUUID() : '',
        drivers: () => [new CommandDriver({ folder: folderOf(config), environment, timeoutMs, shutdown })],
      })
    },
    leftovers: ({ config }) =>
      leftovers({ folder: folderOf(config), environment, timeoutMs: DEFAULT_TIMEOUT_S * 1_000 }),
  }
}

/** The drivers of what was run on this host for whichever networks, one for each; none if there is nothing left. */
export async function extensionLeftovers(options: ExtensionOptions = {}): Promise<readonly Driver[]> {
  const { folder = DEFAULT_FOLDER, environment = { PATH: DEFAULT_PATH } } = options
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

/** `10.50.0.0-16`: a network's, as the name of a folder. */
const nameOf = ({ ipv4, ipv6 }: NetworkConfig): string =>
  [ipv4, ipv6].flatMap((family) => family?.network.replace('/', '-') ?? []).join('_')
