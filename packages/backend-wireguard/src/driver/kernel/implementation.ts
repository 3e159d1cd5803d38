import { OverlayError } from '@selvedge/core'
import {
  findFamily,
  NETLINK_GENERIC,
  NetlinkConnection,
  NLM_F_REQUEST,
  withOverlayErrors,
} from '@selvedge/dataplane-linux/kit'
import type { DeviceChange, DeviceState, Implementation } from '../device.js'
import { joinParts } from './join-parts.js'
import { readDevicePart, writeGetDevice, writeSetDevice } from './messages.js'
import { requestsOf } from './requests.js'

/** WG_GENL_NAME */
const FAMILY = 'wireguard'

/** What the kernel answers if there is no link of the name, or one of another type. */
const ABSENCE = ['ENODEV', 'EOPNOTSUPP']

interface Open {
  readonly connection: NetlinkConnection
  readonly family: number
}

/** The kernel's own WireGuard, over generic netlink. */
export class KernelImplementation implements Implementation {
  readonly name = "the kernel's WireGuard"
  readonly #namespace: string | undefined
  #open: Promise<Open> | undefined

  /** @param namespace of the devices, by path */
  constructor(namespace: string | undefined) {
    this.#namespace = namespace
  }

  async check(): Promise<void> {
    await this.#use(async () => {})
  }

  async read(device: string, signal?: AbortSignal): Promise<DeviceState | undefined> {
    return this.#use(async ({ connection, family }) => {
      const parts = await connection.dump(
        `reading WireGuard device ${device}`,
        (writer, flags, sequence) => writeGetDevice(writer, flags, sequence, family, device),
        readDevicePart,
        { signal, absence: ABSENCE },
      )
      return joinParts(parts)
    })
  }

  async write(device: string, change: DeviceChange, signal?: AbortSignal): Promise<void> {
    await this.#use(async ({ connection, family }) => {
      const failures = await connection.batch(requestsOf(device, change), {
        signal,
        write: (writer, request, sequence) =>
          writeSetDevice(writer, NLM_F_REQUEST, sequence, family, request),
        describe: () => `changing WireGuard device ${device}`,
      })
      for (const failure of failures.values()) throw failure
    })
  }

  /** A link is a device. */
  async start(): Promise<boolean> {
    return false
  }

  async end(device: string, signal?: AbortSignal): Promise<void> {
    if ((await this.read(device, signal)) === undefined) return
    const nothing = { privateKey: null, listenPort: 0, firewallMark: 0, replacePeers: true }
    await this.write(device, nothing, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = await this.#open?.catch(() => undefined)
    await open?.connection[Symbol.asyncDispose]()
  }

  #use<T>(body: (open: Open) => Promise<T>): Promise<T> {
    return withOverlayErrors(async () => {
      this.#open ??= this.#connect()
      const open = await this.#open.catch((error: unknown) => {
        // What is missing now may be there the next time.
        this.#open = undefined
        throw error
      })
      return body(open)
    })
  }

  async #connect(): Promise<Open> {
    const connection = new NetlinkConnection({ protocol: NETLINK_GENERIC, namespace: this.#namespace })
    const family = await findFamily(connection, FAMILY).catch(async (error: unknown) => {
      await connection[Symbol.asyncDispose]()
      throw error
    })
    if (family !== undefined) return { connection, family }
    await connection[Symbol.asyncDispose]()
    throw new OverlayError(
      'UNSUPPORTED',
      'this kernel has no WireGuard: load its module (modprobe wireguard)',
    )
  }
}
