import { join } from 'node:path'
import type { Host } from './host.js'
import type { Lab } from './lab.js'
import { hasLinkType } from './link-types.js'

/** Whether this kernel has WireGuard. */
export const hasKernelWireguard = (): boolean => hasLinkType('wireguard')

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

  /** What it is, without what changes by itself. */
  async show(): Promise<string> {
    const [own = '', ...peers] = (await this.#wg('show', this.name, 'dump')).trim().split('\n')
    const settings = peers.map((line) => {
      const [publicKey, presharedKey, endpoint, allowedIps = '', , , , keepalive] = line.split('\t')
      return [publicKey, presharedKey, endpoint, allowedIps.split(',').sort().join(','), keepalive].join(' ')
    })
    return [own, ...settings.sort()].join('\n')
  }

  async set(...args: readonly string[]): Promise<void> {
    await this.#wg('set', this.name, ...args)
  }

  /** Of wireguard-go, if one runs for this device. */
  async pid(): Promise<number | undefined> {
    const script =
      'for p in $(ip netns pids "$1"); do grep -qx wireguard-go /proc/$p/comm && grep -qz "^$2\\$" /proc/$p/cmdline && ' +
      'echo $p; done; true'
    const pids = await this.#host.exec('sh', ['-c', script, 'sh', this.#host.namespace, this.name])
    return pids.trim() === '' ? undefined : Number(pids.trim().split('\n')[0])
  }

  /** `wg` looks for the sockets of wireguard-go in one directory. */
  #wg(...args: readonly string[]): Promise<string> {
    const script = 'mkdir -p /var/run/wireguard; mount --bind "$1" /var/run/wireguard; shift; exec wg "$@"'
    return this.#host.exec('unshare', ['--mount', 'sh', '-c', script, 'sh', this.#directory, ...args])
  }
}
