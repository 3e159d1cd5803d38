import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { BackendLoader, NetworkConfig } from '@selvedge/core'
import { extensionBackend, variables } from './backend.js'
import {
  CommandDriver,
  DEFAULT_TIMEOUT_S,
  type ExtensionOptions,
  leftovers,
  publishable,
  surroundings,
} from './commands/index.js'
import { readSettings, TYPE } from './settings.js'

/**
 * The extension backend, compatible with flannel's: commands of the network config do the work. `PreStartupCommand` is
 * run when the backend is loaded, at each start, since what it prints is published with the lease; the others are
 * resources of kind `command`, which the driver that the backend brings holds.
 *
 * Loading rejects with `INVALID_CONFIG` for settings that break a rule, and with `DRIVER_REFUSED` if
 * `PreStartupCommand` fails, takes too long or prints too much.
 */
export function extension(options: ExtensionOptions = {}): BackendLoader {
  const { folder, environment } = surroundings(options)
  const folderOf = (config: NetworkConfig): string => join(folder, nameOf(config))
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

/** `10.50.0.0-16`: a network's, as the name of a folder. */
const nameOf = ({ ipv4, ipv6 }: NetworkConfig): string =>
  [ipv4, ipv6].flatMap((family) => family?.network.replace('/', '-') ?? []).join('_')
