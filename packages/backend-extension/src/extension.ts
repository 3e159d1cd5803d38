import { randomUUID } from 'node:crypto'
import {
  type Backend,
  type BackendLoader,
  type Lease,
  type LeaseContext,
  type NetworkConfig,
  type NodeContext,
  OverlayError,
  type Resource,
} from '@selvedge/core'
import { describeLease, enabledFamilies, peerAddresses, publicAddresses } from '@selvedge/core/kit'
import { CommandDriver } from './command-driver.js'
import { command, commandKey } from './command-resource.js'
import { MAX_OUTPUT_BYTES, runCommand } from './run-command.js'
import { type ConfiguredCommand, DEFAULT_TIMEOUT_S, readSettings, settingsWarnings } from './settings.js'

const TYPE = 'extension'
const STARTUP = 'startup'
/** What a store takes as one record has at most 64 KiB, and there is more in it than this. */
const MAX_PUBLISHED_LENGTH = 48 * 1024
const DEFAULT_FOLDER = '/run/flannel/extension'
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface ExtensionOptions {
  /**
   * The folder that the records of what was run are kept in; a folder of the network's name is made in it. Two overlays
   * of one network on one machine need one each. Default: `/run/flannel/extension`.
   */
  readonly folder?: string | undefined
  /** What every command finds in its environment besides its own variables. Default: a PATH. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
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
  const { folder = DEFAULT_FOLDER } = options
  const environment = withoutUndefined(options.environment ?? { PATH: DEFAULT_PATH })
  const folderOf = ({ config }: NodeContext): string => `${folder}/${networkName(config)}`
  return {
    type: TYPE,
    async load(context, { signal }) {
      const { preStartup, postStartup, shutdown, timeoutMs } = readSettings(context.config)
      const published =
        preStartup === undefined
          ? undefined
          : await preStartUp(preStartup, { ...environment, ...variables(context) }, timeoutMs, signal)
      const isRepeated = [preStartup, postStartup, shutdown].some((each) => each !== undefined)
      return extensionBackend({
        published,
        startup: isRepeated ? randomUUID() : '',
        drivers: () => [
          new CommandDriver({
            folder: folderOf(context),
            environment,
            timeoutMs,
            shutdown,
            startupKey: commandKey(STARTUP),
          }),
        ],
      })
    },
    async leftovers(context) {
      const driver = new CommandDriver({
        folder: folderOf(context),
        environment,
        timeoutMs: DEFAULT_TIMEOUT_S * 1_000,
        startupKey: commandKey(STARTUP),
        // The backend that is in force now may have removed what there was to undo.
        maxRemovals: 1,
      })
      return (await driver.snapshot(NO_SCOPE)).length === 0 ? [] : [driver]
    },
  }
}

/** All records of the network are ours. */
const NO_SCOPE = { aliases: [], links: [], networks: [] }

/** What the pure backend needs to know of what has been done before. */
export interface Loaded {
  /** What `PreStartupCommand` has printed; undefined without one. */
  readonly published: string | undefined
  /** See `CommandResource.startup`. */
  readonly startup: string
  readonly drivers: NonNullable<Backend['drivers']>
}

export function extensionBackend({ published, startup, drivers }: Loaded): Backend {
  return {
    type: TYPE,
    warnings: ({ config }) => settingsWarnings(config),
    mtu: ({ externalInterface }) => externalInterface.mtu,
    attributes: (context) => ({
      ...publicAddresses(context),
      backendType: TYPE,
      ...(published !== undefined && { backendData: published }),
    }),
    local(context) {
      const { postStartup, shutdown } = readSettings(context.config)
      publicAddresses(context)
      if (postStartup === undefined && shutdown === undefined) return []
      return [
        command({
          what: STARTUP,
          subject: 'this node',
          add: postStartup,
          environment: { ...variables(context), ...subnetVariables(context, context.lease) },
          input: published ?? '',
          startup,
        }),
      ]
    },
    peer: (lease, context) => (lease.attributes.backendType === TYPE ? peer(lease, context, startup) : []),
    drivers,
  }
}

function peer(lease: Lease, context: LeaseContext, startup: string): Resource[] {
  const { subnetAdd, subnetRemove } = readSettings(context.config)
  if (subnetAdd === undefined && subnetRemove === undefined) return []
  const environment: Record<string, string> = { ...variables(context), PUBLIC_IP: '', PUBLIC_IPV6: '' }
  const subnets: string[] = []
  for (const parts of enabledFamilies(context.config)) {
    const addresses = peerAddresses(lease, parts)
    if (addresses === undefined) continue
    subnets.push(addresses.subnet)
    environment[parts.family === 4 ? 'PUBLIC_IP' : 'PUBLIC_IPV6'] = addresses.publicAddress
  }
  if (subnets.length === 0) return []
  return [
    command({
      what: identityOf(lease, context.config),
      subject: subnets.join(' and '),
      add: subnetAdd,
      remove: subnetRemove,
      environment: { ...environment, ...subnetVariables(context, lease) },
      input: publishedBy(lease),
      startup,
    }),
  ]
}

/**
 * An overlay asks about each family of a lease by itself, and about both if their resources have one key: there is one
 * command for both, so in a network of both its key is the node's addresses, which each half has.
 */
function identityOf({ subnet, ipv6Subnet, attributes }: Lease, { ipv4, ipv6 }: NetworkConfig): string {
  if (ipv6 === undefined) return `${subnet}`
  if (ipv4 === undefined) return `${ipv6Subnet}`
  return [attributes.publicIp, attributes.publicIpv6].filter((address) => address !== undefined).join(' ')
}

/** What a peer's `PreStartupCommand` has printed. */
function publishedBy(lease: Lease): string {
  const data = lease.attributes.backendData ?? ''
  if (typeof data === 'string') return data
  throw new OverlayError(
    'INVALID_LEASE',
    `${describeLease(lease)} is not usable: its BackendData is not text, as that of an extension is; correct or delete it`,
  )
}

/** A family that is off, or that there is no value of, is an empty text: a script need not ask whether it is set. */
function variables({ config, publicIp, publicIpv6 }: NodeContext): Record<string, string> {
  return {
    NETWORK: config.ipv4?.network ?? '',
    IPV6NETWORK: config.ipv6?.network ?? '',
    SUBNET: '',
    IPV6SUBNET: '',
    PUBLIC_IP: publicIp ?? '',
    PUBLIC_IPV6: publicIpv6 ?? '',
  }
}

function subnetVariables({ config }: NodeContext, lease: Lease): Record<string, string> {
  return {
    SUBNET: (config.ipv4 && lease.subnet) ?? '',
    IPV6SUBNET: (config.ipv6 && lease.ipv6Subnet) ?? '',
  }
}

async function preStartUp(
  configured: ConfiguredCommand,
  environment: Readonly<Record<string, string>>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { text, isCut } = await runCommand({
    subject: 'this node',
    command: configured,
    environment,
    input: '',
    timeoutMs,
    signal,
  })
  if (isCut || JSON.stringify(text).length > MAX_PUBLISHED_LENGTH) {
    throw new OverlayError(
      'DRIVER_REFUSED',
      `${configured.name} printed more than the ${MAX_OUTPUT_BYTES} bytes that a lease can carry: all that it prints is published`,
    )
  }
  return text
}

const networkName = ({ ipv4, ipv6 }: NetworkConfig): string =>
  [ipv4?.network, ipv6?.network]
    .filter((network) => network !== undefined)
    .map((network) => network.replace('/', '-'))
    .join('_')

const withoutUndefined = (given: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
