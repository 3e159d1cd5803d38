import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Backend, BackendLoader, Lease, NetworkConfig } from '@selvedge/core'
import { extensionBackend, variables } from './backend.js'
import {
  CommandDriver,
  DEFAULT_TIMEOUT_S,
  type ExtensionOptions,
  lastStartup,
  leftovers,
  publishable,
  surroundings,
} from './commands/index.js'
import { type ExtensionSettings, readSettings, TYPE } from './settings.js'

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
    async preview({ config }) {
      const settings = readSettings(config)
      const { preStartup, postStartup, shutdown, timeoutMs } = settings
      const driver = () => new CommandDriver({ folder: folderOf(config), environment, timeoutMs, shutdown })
      const startup = preStartup || postStartup || shutdown ? await lastStartup(folderOf(config)) : ''
      const backend = (published: string | undefined) =>
        extensionBackend({ published: preStartup && published, startup, drivers: () => [driver()] })
      return { backend: publishingAsBefore(backend), unknown: unknownOf(settings) }
    },
    leftovers: ({ config }) =>
      leftovers({ folder: folderOf(config), environment, timeoutMs: DEFAULT_TIMEOUT_S * 1_000 }),
  }
}

/** A backend whose `PreStartupCommand` prints what it printed when this node last published, as far as a lease says so. */
function publishingAsBefore(backend: (published: string | undefined) => Backend): Backend {
  const after = ({ attributes }: Lease): Backend => {
    const { backendType, backendData } = attributes
    return backend(backendType === TYPE && typeof backendData === 'string' ? backendData : undefined)
  }
  return {
    ...backend(undefined),
    attributes: (context) =>
      (context.previous === undefined ? backend(undefined) : after(context.previous)).attributes(context),
    local: (context) => after(context.lease).local(context),
  }
}

/** What a plan cannot know of commands. */
function unknownOf({ preStartup, postStartup, shutdown, subnetAdd }: ExtensionSettings): readonly string[] {
  const isRepeated = preStartup !== undefined || postStartup !== undefined || shutdown !== undefined
  const again = [postStartup, subnetAdd].flatMap((command) => command?.name ?? []).join(' and ')
  return [
    ...(preStartup === undefined
      ? []
      : [
          'what PreStartupCommand prints, which is published with the lease, and what it changes: each start runs it',
        ]),
    ...(again === ''
      ? []
      : [
          `what ${again} ${again.includes(' and ') ? 'change' : 'changes'} on this host` +
            `${isRepeated ? ': each start runs what it has run before again' : ''}`,
        ]),
  ]
}

/** `10.50.0.0-16`: a network's, as the name of a folder. */
const nameOf = ({ ipv4, ipv6 }: NetworkConfig): string =>
  [ipv4, ipv6].flatMap((family) => family?.network.replace('/', '-') ?? []).join('_')
