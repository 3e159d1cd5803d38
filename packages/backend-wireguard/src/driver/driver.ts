import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AbortOptions,
  type Driver,
  type DriverEvent,
  type Operation,
  type OperationResult,
  OverlayError,
} from '@selvedge/core'
import { deviceChange, peerChange, type Secrets } from './changes.js'
import { type Carrier, implementationOf } from './choose.js'
import type { DeviceState, Implementation, PeerChange, PeerState } from './device.js'
import { reportedEndpoint } from './endpoint.js'
import { keyPairOf } from './keys.js'
import {
  type WireguardDeviceResource,
  type WireguardPeerResource,
  type WireguardResource,
  wireguardDevice,
  wireguardPeer,
} from './resource.js'
import { writePeers } from './write-peers.js'

/** The devices that the driver keeps, and with which keys. */
export interface WireguardDriverOptions extends Carrier {
  /** The names of the devices that it keeps. All of their peers are ours. */
  readonly devices: readonly string[]
  /** Base64. */
  readonly privateKey: string
  /** Base64. Default: none. */
  readonly presharedKey?: string | undefined
  /** How often to look whether another program changed a device, in milliseconds, since none says so. Default: 3000. */
  readonly pollMs?: number | undefined
  /** The endpoints that were set last, by the keys of the peers' resources; the driver adds to it. Default: none are known. */
  readonly endpoints?: Map<string, string> | undefined
  /** The time as the kernel's clock has it, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
}

/**
 * The driver of WireGuard devices and their peers: by generic netlink, or by wireguard-go and its socket. It starts a
 * wireguard-go for a device that has none, which outlives this process, and adopts one that runs. The links of the
 * devices are the Linux driver's.
 */
export function wireguardDriver(options: WireguardDriverOptions): Driver<WireguardResource> {
  return new WireguardDriver(options)
}

type Operations = readonly Operation<WireguardResource>[]
type PeerOperation = Operation<WireguardPeerResource>
type Results = Map<Operation<WireguardResource>, OperationResult>

class WireguardDriver implements Driver<WireguardResource> {
  readonly name = 'wireguard'
  readonly kinds = ['wireguard-device', 'wireguard-peer'] as const
  readonly #options: WireguardDriverOptions
  readonly #secrets: Secrets
  readonly #implementation: Implementation
  /** The endpoints that were set last, by the key of the peer's resource. */
  readonly #endpoints: Map<string, string>
  /** What the devices were when they were last read or written, without what changes by itself. */
  #known: string | undefined
  /** Aborted when the driver is disposed of. */
  readonly #end = new AbortController()

  constructor(options: WireguardDriverOptions) {
    this.#options = options
    this.#secrets = options
    this.#endpoints = options.endpoints ?? new Map()
    this.#implementation = implementationOf(options.implementation, options)
  }

  async preflight(
    _requirements: readonly string[],
    { signal }: AbortOptions = {},
  ): Promise<readonly string[]> {
    this.#throwIfEnded(signal)
    await this.#implementation.check(signal)
    return []
  }

  async snapshot(_scope: unknown, { signal }: AbortOptions = {}): Promise<readonly WireguardResource[]> {
    this.#throwIfEnded(signal)
    const devices = await this.#read(signal)
    this.#known = fingerprint(devices)
    return [...devices].flatMap(([name, device]) => this.#resources(name, device))
  }

  async apply(
    operations: readonly Operation<WireguardResource>[],
    { signal }: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    this.#throwIfEnded(signal)
    const results: Results = new Map()
    for (const name of new Set(operations.map(({ resource }) => deviceOf(resource)))) {
      const own = operations.filter(({ resource }) => deviceOf(resource) === name)
      await this.#applyTo(name, own, results, signal)
    }
    // Unread, the next look at the devices is a change, which is read in full.
    this.#known = await this.#read(signal).then(fingerprint, () => undefined)
    signal?.throwIfAborted()
    return operations.map((operation) => results.get(operation) ?? unanswered(operation))
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined> {
    const { pollMs = 3000 } = this.#options
    const either = AbortSignal.any([signal, this.#end.signal])
    while (await isStillWatching(pollMs, either)) {
      const before = this.#known
      const found = await this.#read(either).then(fingerprint, (error: unknown) => {
        if (either.aborted) return undefined
        throw error
      })
      if (either.aborted) return
      // A write of our own in between has changed both.
      if (this.#known !== before || found === before) continue
      this.#known = found
      yield { type: 'changed' }
    }
  }

  /** Devices go on, with their sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await this.#implementation[Symbol.asyncDispose]()
  }

  #throwIfEnded(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    if (this.#end.signal.aborted) throw new OverlayError('CLOSED', 'the wireguard driver was disposed of')
  }

  async #read(signal: AbortSignal | undefined): Promise<Map<string, DeviceState>> {
    const devices = new Map<string, DeviceState>()
    for (const name of this.#options.devices) {
      const device = await this.#implementation.read(name, signal)
      if (device !== undefined) devices.set(name, device)
    }
    return devices
  }

  #resources(
    device: string,
    { privateKey, listenPort, firewallMark, peers }: DeviceState,
  ): WireguardResource[] {
    const { presharedKey } = this.#secrets
    const resources: WireguardResource[] = peers.map((peer) => {
      const resource = wireguardPeer({
        device,
        publicKey: peer.publicKey,
        endpoint: '',
        allowedIps: peer.allowedIps,
        persistentKeepalive: peer.persistentKeepalive,
        // Another PSK than the network's is as wrong as one where there is to be none.
        presharedKey: (peer.presharedKey === presharedKey) === (presharedKey !== undefined),
      })
      const endpoint = reportedEndpoint(peer, this.#endpoints.get(resource.key), this.#nowS())
      return { ...resource, endpoint }
    })
    // A device without a key is a link and nothing more.
    if (privateKey === undefined) return resources
    const { publicKey } = keyPairOf(privateKey)
    return [wireguardDevice({ name: device, publicKey, listenPort, firewallMark }), ...resources]
  }

  /** A device is there before its peers, and after them. */
  async #applyTo(
    device: string,
    operations: Operations,
    results: Results,
    signal?: AbortSignal,
  ): Promise<void> {
    const ofDevice = operations.filter(isOfDevice)
    const puts = ofDevice.filter(({ type }) => type === 'put')
    const deletes = ofDevice.filter(({ type }) => type === 'delete')
    for (const operation of puts) {
      await attempt([operation], results, signal, () => this.#putDevice(operation.resource, signal))
    }
    const ofPeers = operations.filter(isOfPeer)
    await attempt(ofPeers, results, signal, () => this.#applyPeers(device, ofPeers, results, signal))
    await attempt(deletes, results, signal, () => this.#implementation.end(device, signal))
  }

  /** True if that may have changed the link. */
  async #putDevice(resource: WireguardDeviceResource, signal?: AbortSignal): Promise<boolean> {
    const { name } = resource
    const isStarted = await this.#implementation.start(name, signal)
    const change = deviceChange(resource, await this.#implementation.read(name, signal), this.#secrets)
    if (change !== undefined) await this.#implementation.write(name, change, signal)
    return isStarted
  }

  async #applyPeers(
    device: string,
    operations: readonly PeerOperation[],
    results: Results,
    signal?: AbortSignal,
  ): Promise<void> {
    if (operations.length === 0) return
    const state = await this.#implementation.read(device, signal)
    const found = new Map(state?.peers.map((peer) => [peer.publicKey, peer]))
    const byChange = new Map<PeerChange, PeerOperation>()
    for (const type of ['put', 'delete'] as const) {
      for (const operation of operations) {
        if (operation.type !== type) continue
        const change = this.#changeFor(operation, found.get(operation.resource.publicKey))
        if (change !== undefined) byChange.set(change, operation)
      }
    }
    const failures = await writePeers([...byChange.keys()], (peers) =>
      this.#implementation.write(device, { peers }, signal),
    )
    signal?.throwIfAborted()
    for (const [change, error] of failures) {
      const operation = byChange.get(change)
      if (operation !== undefined) results.set(operation, failure(operation, error))
    }
    for (const operation of operations) {
      if (results.has(operation)) continue
      const { type, resource } = operation
      if (type === 'put') this.#endpoints.set(resource.key, resource.endpoint)
      else this.#endpoints.delete(resource.key)
    }
  }

  #changeFor({ type, resource }: PeerOperation, found: PeerState | undefined): PeerChange | undefined {
    if (type === 'put') {
      return peerChange(resource, found, this.#secrets, this.#endpoints.get(resource.key), this.#nowS())
    }
    return found && { publicKey: resource.publicKey, remove: true }
  }

  #nowS(): number {
    return (this.#options.now ?? Date.now)() / 1000
  }
}

/** Sets a result for each operation that has none yet. `body` resolves to true if it may have changed the link. */
async function attempt(
  operations: Operations,
  results: Results,
  signal: AbortSignal | undefined,
  body: () => Promise<unknown>,
): Promise<void> {
  if (operations.length === 0) return
  let result: (operation: Operation<WireguardResource>) => OperationResult
  try {
    const isStale = (await body()) === true
    result = () => ({ ok: true, ...(isStale ? { stale: true } : {}) })
  } catch (error) {
    signal?.throwIfAborted()
    result = (operation) => failure(operation, error)
  }
  for (const operation of operations) {
    if (!results.has(operation)) results.set(operation, result(operation))
  }
}

function failure({ type, resource }: Operation<WireguardResource>, thrown: unknown): OperationResult {
  const attempted = `${type === 'put' ? 'setting' : 'deleting'} ${resource.key}`
  const { code, errno, message } = OverlayError.from(thrown, 'DRIVER_REFUSED', attempted)
  const remedy =
    errno === 'EADDRINUSE' ? '; another process has that UDP port: end it, or set ListenPort' : ''
  const error = new OverlayError(code, `${attempted}: ${message}${remedy}`, {
    cause: thrown,
    ...(errno === undefined ? {} : { errno }),
  })
  return { ok: false, error, stale: true }
}

const deviceOf = (resource: WireguardResource): string =>
  resource.kind === 'wireguard-device' ? resource.name : resource.device

const isOfDevice = (one: Operation<WireguardResource>): one is Operation<WireguardDeviceResource> =>
  one.resource.kind === 'wireguard-device'

const isOfPeer = (one: Operation<WireguardResource>): one is PeerOperation =>
  one.resource.kind === 'wireguard-peer'

const unanswered = ({ resource }: Operation<WireguardResource>): OperationResult => ({
  ok: false,
  error: new OverlayError('INTERNAL', `${resource.key}: it was not attempted`),
})

/** All that only a program changes: no endpoints, no handshakes. */
const fingerprint = (devices: ReadonlyMap<string, DeviceState>): string =>
  JSON.stringify(
    [...devices].map(([name, { peers, ...device }]) => [
      name,
      device,
      peers
        .map(({ endpoint: _, lastHandshake: __, ...peer }) => peer)
        .sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1)),
    ]),
  )

async function isStillWatching(pollMs: number, signal: AbortSignal): Promise<boolean> {
  await sleep(pollMs, undefined, { signal }).catch(() => undefined)
  return !signal.aborted
}
