import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AbortOptions,
  type Driver,
  type DriverEvent,
  type Operation,
  type OperationResult,
  OverlayError,
} from '@selvedge/core'
import { keyPairOf } from '../keys.js'
import {
  type WireguardDeviceResource,
  type WireguardResource,
  wireguardDevice,
  wireguardPeer,
} from '../resource.js'
import { keepsEndpoint, reportedEndpoint } from './endpoint.js'
import { type Place, SOCKET_DIRECTORY, socketPath, startWireguardGo } from './process.js'
import { UapiSocket } from './socket.js'
import { errnoIn, GET, readDevice, removePeer, setDevice, setPeer, type UapiDevice } from './uapi.js'

export interface WireguardDriverOptions {
  /** The names of the devices that it keeps. All of their peers are ours. */
  readonly devices: readonly string[]
  /** Base64. */
  readonly privateKey: string
  /** Base64. Default: none. */
  readonly presharedKey?: string | undefined
  /** Network namespace of the devices, as `ip netns` names it. Default: this process's own. */
  readonly namespace?: string | undefined
  /** Where the sockets of wireguard-go are. Default: `/var/run/wireguard`, the only place that it knows itself. */
  readonly socketDirectory?: string | undefined
  /** How often to look whether another program changed a device, in milliseconds, since none says so. Default: 3000. */
  readonly pollMs?: number | undefined
  /** The time as the kernel's clock has it, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
}

/**
 * The driver of WireGuard devices and their peers, by wireguard-go and its socket. It starts a wireguard-go for a device
 * that has none, which outlives this process, and adopts one that runs.
 */
export function wireguardDriver(options: WireguardDriverOptions): Driver<WireguardResource> {
  return new WireguardDriver(options)
}

class WireguardDriver implements Driver<WireguardResource> {
  readonly name = 'wireguard-go'
  readonly kinds = ['wireguard-device', 'wireguard-peer'] as const
  readonly #options: WireguardDriverOptions
  readonly #place: Place
  /** The endpoints that were set last, by the key of the peer's resource. */
  readonly #endpoints = new Map<string, string>()
  /** What the devices were when they were last read or written, without what changes by itself. */
  #known = ''

  constructor(options: WireguardDriverOptions) {
    this.#options = options
    const { namespace, socketDirectory = SOCKET_DIRECTORY } = options
    this.#place = { namespace, socketDirectory }
  }

  async snapshot(_scope: unknown, { signal }: AbortOptions = {}): Promise<readonly WireguardResource[]> {
    const devices = await this.#read(signal)
    this.#known = fingerprint(devices)
    return [...devices].flatMap(([name, device]) => this.#resources(name, device))
  }

  async apply(
    operations: readonly Operation<WireguardResource>[],
    { signal }: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    const results = new Map<Operation<WireguardResource>, OperationResult>()
    for (const name of new Set(operations.map(({ resource }) => deviceOf(resource)))) {
      const own = operations.filter(({ resource }) => deviceOf(resource) === name)
      // A device is there before its peers, and after them.
      own.sort((a, b) => turnOf(a) - turnOf(b))
      await this.#applyTo(name, own, results, signal)
    }
    this.#known = fingerprint(await this.#read(signal))
    return operations.map((operation) => results.get(operation) ?? unanswered(operation))
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined> {
    const { pollMs = 3000 } = this.#options
    while (await isStillWatching(pollMs, signal)) {
      const before = this.#known
      const found = fingerprint(await this.#read(signal))
      // A write of our own in between has changed both.
      if (this.#known !== before || found === before) continue
      this.#known = found
      yield { type: 'changed' }
    }
  }

  /** wireguard-go goes on, with its sessions. */
  async [Symbol.asyncDispose](): Promise<void> {}

  async #read(signal: AbortSignal | undefined): Promise<Map<string, UapiDevice>> {
    const devices = new Map<string, UapiDevice>()
    for (const name of this.#options.devices) {
      using socket = await UapiSocket.open(socketPath(this.#place, name), signal)
      if (socket !== undefined) devices.set(name, readDevice(await socket.exchange(GET, signal)))
    }
    return devices
  }

  #resources(name: string, device: UapiDevice): WireguardResource[] {
    const { presharedKey } = this.#options
    const publicKey = device.privateKey === undefined ? '' : keyPairOf(device.privateKey).publicKey
    return [
      wireguardDevice({ name, publicKey, listenPort: device.listenPort }),
      ...device.peers.map((peer) => {
        const resource = wireguardPeer({
          device: name,
          publicKey: peer.publicKey,
          endpoint: '',
          allowedIps: peer.allowedIps,
          persistentKeepalive: peer.persistentKeepalive,
          // Another PSK than the network's is as wrong as one where there is to be none.
          presharedKey: (peer.presharedKey === presharedKey) === (presharedKey !== undefined),
        })
        return {
          ...resource,
          endpoint: reportedEndpoint(peer, this.#endpoints.get(resource.key), this.#nowS()),
        }
      }),
    ]
  }

  async #applyTo(
    name: string,
    operations: readonly Operation<WireguardResource>[],
    results: Map<Operation<WireguardResource>, OperationResult>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const before = (await this.#read(signal)).get(name)
    for (const operation of operations) {
      try {
        const isStarted = await this.#carryOut(operation, before, signal)
        results.set(operation, { ok: true, ...(isStarted ? { stale: true } : {}) })
      } catch (thrown) {
        signal?.throwIfAborted()
        const error = OverlayError.from(thrown, 'DRIVER_REFUSED', describe(operation))
        results.set(operation, { ok: false, error, stale: true })
      }
    }
  }

  /** True if a wireguard-go was started, which sets the MTU of the link to its own default. */
  async #carryOut(
    operation: Operation<WireguardResource>,
    before: UapiDevice | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { type, resource } = operation
    if (resource.kind === 'wireguard-device') {
      if (type === 'delete') return this.#end(resource)
      return this.#putDevice(resource, signal)
    }
    const { key, publicKey, endpoint } = resource
    if (type === 'delete') {
      this.#endpoints.delete(key)
      await this.#send(operation, removePeer(resource), signal)
      return false
    }
    const peer = before?.peers.find((one) => one.publicKey === publicKey)
    const keeps = keepsEndpoint(peer, this.#endpoints.get(key), endpoint, this.#nowS())
    await this.#send(operation, setPeer(resource, this.#options.presharedKey, keeps), signal)
    this.#endpoints.set(key, endpoint)
    return false
  }

  async #putDevice(resource: WireguardDeviceResource, signal: AbortSignal | undefined): Promise<boolean> {
    const { name } = resource
    const running = await UapiSocket.open(socketPath(this.#place, name), signal)
    running?.[Symbol.dispose]()
    if (running === undefined) await startWireguardGo(name, this.#place, { signal })
    const put = { type: 'put', resource } as const
    await this.#send(put, setDevice(resource, this.#options.privateKey), signal)
    return running === undefined
  }

  /** It watches its socket, and ends once that is gone. */
  async #end({ name }: WireguardDeviceResource): Promise<boolean> {
    await rm(socketPath(this.#place, name), { force: true })
    return false
  }

  async #send(
    operation: Operation<WireguardResource>,
    request: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const name = deviceOf(operation.resource)
    using socket = await UapiSocket.open(socketPath(this.#place, name), signal)
    if (socket === undefined) {
      if (operation.type === 'delete') return
      throw new OverlayError('DRIVER_REFUSED', `${describe(operation)}: no wireguard-go runs for ${name}`, {
        errno: 'ENODEV',
      })
    }
    const errno = errnoIn(await socket.exchange(request, signal))
    if (errno !== 0) throw new Error(`wireguard-go answered with errno ${errno}`)
  }

  #nowS(): number {
    return (this.#options.now ?? Date.now)() / 1000
  }
}

const deviceOf = (resource: WireguardResource): string =>
  resource.kind === 'wireguard-device' ? resource.name : resource.device

/** Puts of devices, puts of peers, then deletes of peers, of devices. */
const turnOf = ({ type, resource: { kind } }: Operation<WireguardResource>): number =>
  (type === 'put' ? 0 : 2) + ((kind === 'wireguard-device') === (type === 'put') ? 0 : 1)

const describe = ({ type, resource }: Operation<WireguardResource>): string =>
  `${type === 'put' ? 'setting' : 'deleting'} ${resource.key}`

const unanswered = (operation: Operation<WireguardResource>): OperationResult => ({
  ok: false,
  error: new OverlayError('INTERNAL', `${describe(operation)}: it was not attempted`),
})

/** All that only a program changes: no endpoints, no handshakes. */
const fingerprint = (devices: ReadonlyMap<string, UapiDevice>): string =>
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
