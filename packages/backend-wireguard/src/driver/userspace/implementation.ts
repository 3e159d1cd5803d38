import { rm } from 'node:fs/promises'
import { getSystemErrorName } from 'node:util'
import { type ErrorCode, OverlayError } from '@selvedge/core'
import type { DeviceChange, DeviceState, Implementation } from '../device.js'
import { checkWireguardGo, type Place, socketPath, startWireguardGo } from './process.js'
import { UapiSocket } from './socket.js'
import { errnoIn, GET, readDevice, setRequest } from './uapi.js'

/** wireguard-go: a process for each device, which is a TUN link, and its socket. */
export class UserspaceImplementation implements Implementation {
  readonly name = 'wireguard-go'
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  check(signal?: AbortSignal): Promise<void> {
    return checkWireguardGo({ signal })
  }

  async read(device: string, signal?: AbortSignal): Promise<DeviceState | undefined> {
    const answer = await this.#exchange(`reading ${device}`, device, GET, signal)
    return answer === undefined ? undefined : readDevice(answer)
  }

  async write(device: string, change: DeviceChange, signal?: AbortSignal): Promise<void> {
    const answer = await this.#exchange(`changing ${device}`, device, setRequest(change), signal)
    if (answer === undefined) throw refused(`changing ${device}`, `no wireguard-go runs for it`, 'ENODEV')
    const number = errnoIn(answer)
    if (number === 0) return
    const errno = number === undefined ? undefined : getSystemErrorName(number)
    throw refused(`changing ${device}`, `wireguard-go answered ${errno ?? 'without an errno'}`, errno)
  }

  async start(device: string, signal?: AbortSignal): Promise<boolean> {
    if ((await this.read(device, signal)) !== undefined) return false
    await startWireguardGo(device, this.#place, { signal })
    // It sets the MTU of the link to its own default.
    return true
  }

  /** It watches its socket, and ends once that is gone. */
  async end(device: string): Promise<void> {
    await rm(socketPath(this.#place, device), { force: true })
  }

  /** Nothing is open between calls. wireguard-go goes on, with its sessions. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Undefined if none runs for the device. */
  async #exchange(
    attempted: string,
    device: string,
    request: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const path = socketPath(this.#place, device)
    try {
      using socket = await UapiSocket.open(path, signal)
      return await socket?.exchange(request, signal)
    } catch (error) {
      signal?.throwIfAborted()
      const errno = error instanceof Error && 'code' in error ? String(error.code) : 'EIO'
      const said = error instanceof Error ? error.message : String(error)
      const isDenied = errno === 'EACCES' || errno === 'EPERM'
      const text = `${said}; if the process of wireguard-go hangs, end it, and it is started again`
      throw refused(attempted, `${path}: ${text}`, errno, isDenied ? 'ACCESS_DENIED' : 'DRIVER_REFUSED')
    }
  }
}

const refused = (attempted: string, said: string, errno?: string, code: ErrorCode = 'DRIVER_REFUSED') =>
  new OverlayError(code, `${attempted}: ${said}`, errno === undefined ? {} : { errno })
