import { join } from 'node:path'
import process from 'node:process'
import {
  type AbortOptions,
  type Driver,
  type HeldState,
  hostScope,
  type LeftLink,
  type Operation,
  OverlayError,
  type OwnershipScope,
  planRemoval,
  removeHeld,
  type ServedNetwork,
} from '@selvedge/core'
import { parseSubnetEnvLists } from '@selvedge/core/kit'
import { readSubnetEnvText } from '@selvedge/node-state'
import { extensionFolder, IPSEC_FOLDER, leftCommands } from '../backends.js'
import type { AgentSettings } from '../command-line/settings.js'
import { existing, type LeftFile, removeEmptyFolders, removeFile } from './files.js'

/** What `findLeftovers` looks with. */
export interface LeftoverServices {
  /** The driver of links and routes. Not disposed of. */
  readonly kernel: Driver
  /** All links of the kernel that `kernel` reads. */
  readonly links: readonly LeftLink[]
}

/** What overlays of selvedge's, or flanneld, have left on this host. */
export interface Leftovers extends AsyncDisposable {
  /** What the kernel, charon and commands hold: deletions, in the order in which they are carried out. */
  readonly operations: readonly Operation[]
  /** Files, sockets and folders; `remove` removes them after what they describe. */
  readonly files: readonly LeftFile[]
  /** CIDRs that it is known by. */
  readonly networks: readonly string[]
  /** Links of flannel's names that another program has made: they stay. */
  readonly lookAlikes: readonly LeftLink[]
  /** This node's subnets, as subnet.env says. */
  readonly subnets: readonly string[]
  /** What could not be looked at. */
  readonly problems: readonly OverlayError[]
  /** Removes all of it that can be removed; an error for each thing that cannot. Rejects only if the signal aborts. */
  remove(options?: AbortOptions): Promise<readonly OverlayError[]>
}

/** A part of what is left, with the folder that says what it is: kept until it is gone. */
interface Part extends HeldState {
  readonly folder?: string
}

/** Looks, and changes nothing. Rejects if the signal aborts, or for a kernel that cannot be read. */
export async function findLeftovers(
  settings: Pick<AgentSettings, 'subnetFile' | 'leaseCache' | 'controlSocket' | 'rulesName'>,
  { kernel, links }: LeftoverServices,
  { signal }: AbortOptions = {},
): Promise<Leftovers> {
  const env = parseSubnetEnvLists((await readSubnetEnvText(settings.subnetFile).catch(() => undefined)) ?? '')
  const { scope, networks, lookAlikes } = hostScope(links, servedBy(env))
  const inNetworks: OwnershipScope = { aliases: [], links: [], networks }
  // Commands first: they may need the devices and routes that they were given.
  const parts: Part[] = [
    ...(await leftCommands()).map((driver) => ({ drivers: [driver], scope: inNetworks })),
    ...(await leftIpsec(networks, signal)).map((drivers) => ({
      drivers,
      scope: inNetworks,
      folder: IPSEC_FOLDER,
    })),
    ...(await leftRules(settings.rulesName, signal)).map((driver) => ({ drivers: [driver], scope })),
    { drivers: [kernel], scope },
  ]
  const operations: Operation[] = []
  const problems: OverlayError[] = []
  const readable: Part[] = []
  for (const part of parts) {
    try {
      operations.push(...(await planRemoval(part, { signal })))
      readable.push(part)
    } catch (error) {
      signal?.throwIfAborted()
      if (part.drivers.includes(kernel)) throw error
      problems.push(OverlayError.from(error, 'DRIVER_REFUSED', 'looking for what is left'))
    }
  }
  const sockets = await existing(wireguardSockets(links))
  const files = await existing([
    ...[...new Set(parts.flatMap(({ folder }) => folder ?? []))].map((path) => ({
      path,
      isFolder: true,
      what: "charon's configuration and log",
    })),
    { path: await wireguardKeyFile(), what: "this node's key of WireGuard" },
    ...(settings.leaseCache === undefined ? [] : [{ path: settings.leaseCache, what: 'the lease cache' }]),
    ...(settings.controlSocket === undefined
      ? []
      : [{ path: settings.controlSocket, what: "an agent's control socket" }]),
    { path: settings.subnetFile, what: 'subnet.env' },
  ])
  return {
    operations,
    files: [...sockets, ...files],
    networks,
    lookAlikes,
    subnets: [...env.subnets, ...env.ipv6Subnets],
    problems,
    async remove(options = {}) {
      const failures: OverlayError[] = []
      const kept = new Set<string>()
      // wireguard-go ends with its socket.
      for (const socket of sockets) failures.push(...[(await removeFile(socket)) ?? []].flat())
      for (const part of readable) {
        const failed = await removeHeld(part, options)
        failures.push(...failed)
        // Those say what is still to be removed.
        if (failed.length > 0) kept.add(part.folder ?? settings.subnetFile)
      }
      await removeEmptyFolders(extensionFolder())
      for (const file of files) {
        if (!kept.has(file.path)) failures.push(...[(await removeFile(file)) ?? []].flat())
      }
      return failures
    },
    async [Symbol.asyncDispose]() {
      for (const { drivers } of parts) {
        for (const driver of drivers) if (driver !== kernel) await driver[Symbol.asyncDispose]()
      }
    },
  }
}

function servedBy({ networks, subnets, ipv6Networks, ipv6Subnets }: ReturnType<typeof parseSubnetEnvLists>) {
  const pairs = (of: readonly string[], own: readonly string[]): ServedNetwork[] =>
    of.flatMap((network, index) => {
      const subnet = own[index] ?? own[0]
      return subnet === undefined ? [] : [{ network, subnet }]
    })
  return [...pairs(networks, subnets), ...pairs(ipv6Networks, ipv6Subnets)]
}

/** charon, if an agent started it, and policies of the networks; then the states that a charon which was killed has left. */
async function leftIpsec(networks: readonly string[], signal: AbortSignal | undefined) {
  const { ipsecLeftovers, xfrmStatesLeftovers } = await import('@selvedge/backend-ipsec')
  const drivers = await ipsecLeftovers(networks, { folder: IPSEC_FOLDER }, signal)
  const isAny = drivers.length > 0 || (await existing([{ path: IPSEC_FOLDER, what: '' }])).length > 0
  return isAny ? [drivers, [xfrmStatesLeftovers()]] : []
}

/** Flannel's own rules, and those of each name that there is. */
async function leftRules(name: string | undefined, signal: AbortSignal | undefined) {
  const { firewallLeftovers } = await import('@selvedge/firewall')
  return firewallLeftovers({ name, signal })
}

async function wireguardKeyFile(): Promise<string> {
  const { DEFAULT_KEY_FILE } = await import('@selvedge/backend-wireguard')
  return process.env.WIREGUARD_KEY_FILE || DEFAULT_KEY_FILE
}

const WIREGUARD_SOCKETS = '/var/run/wireguard'

/** Of the processes of wireguard-go that hold our links. */
const wireguardSockets = (links: readonly LeftLink[]): readonly LeftFile[] =>
  links
    .filter(({ name, type }) => /^flannel-wg(-v6)?$/.test(name) && type === 'tun')
    .map(({ name }) => ({
      path: join(WIREGUARD_SOCKETS, `${name}.sock`),
      what: `the socket of wireguard-go, which ends with it`,
    }))
