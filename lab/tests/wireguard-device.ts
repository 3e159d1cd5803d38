import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Host, Lab } from '../src/index.js'

/** Asked of the kernel in a namespace that is gone at once. */
function hasLinkType(type: string): boolean {
  try {
    execFileSync('unshare', ['--net', 'ip', 'link', 'add', 'probe', 'type', type], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Whether this kernel has WireGuard. */
export const HAS_KERNEL_WIREGUARD = hasLinkType('wireguard')

/** What the agents choose by themselves here. */
export const CHOSEN = HAS_KERNEL_WIREGUARD ? 'kernel' : 'userspace'

/** For names of tests. */
export const BY =
  CHOSEN === 'kernel' ? "by the kernel's WireGuard" : 'by wireguard-go: this kernel has no WireGuard'

export interface PeerDump {
  readonly publicKey: string
  readonly presharedKey: string
  readonly endpoint: string
  readonly allowedIps: readonly string[]
  /** Seconds since 1970; 0: never. */
  readonly latestHandshake: number
}

/** A host's WireGuard device, as `wg` has it, whatever carries its packets. */
export class WireguardDevice {
  readonly name: string
  readonly #host: Host
  readonly #directory: string

  constructor(lab: Lab, host: Host, name = 'flannel-wg') {
    this.name = name
    this.#host = host
    this.#directory = join(lab.directory, host.name)
  }

  /** Of wireguard-go. */
  get socket(): string {
    return join(this.#directory, `${this.name}.sock`)
  }

  async peers(): Promise<readonly PeerDump[]> {
    const [, ...lines] = (await this.#wg('show', this.name, 'dump')).trim().split('\n')
    return lines.map((line) => {
      const [publicKey = '', presharedKey = '', endpoint = '', allowedIps = '', handshake] = line.split('\t')
      return {
        publicKey,
        presharedKey,
        endpoint,
        allowedIps: allowedIps === '(none)' ? [] : allowedIps.split(','),
        latestHandshake: Number(handshake),
      }
    })
  }

  async set(...args: readonly string[]): Promise<void> {
    await this.#wg('set', this.name, ...args)
  }

  /** `wg` looks for the sockets of wireguard-go in one directory. */
  #wg(...args: readonly string[]): Promise<string> {
    const script = 'mkdir -p /var/run/wireguard; mount --bind "$1" /var/run/wireguard; shift; exec wg "$@"'
    return this.#host.exec('unshare', ['--mount', 'sh', '-c', script, 'sh', this.#directory, ...args])
  }
}
