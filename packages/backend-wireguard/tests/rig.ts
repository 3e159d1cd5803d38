import { type Host, hasKernelWireguard, type Lab, WireguardDevice } from '@selvedge/lab'
import type { ImplementationName } from '../src/index.js'

/** What carries packets here, for `describe.each`. */
export const IMPLEMENTATIONS: readonly (readonly [what: string, name: ImplementationName])[] = [
  ['wireguard-go', 'userspace'],
  ...(hasKernelWireguard() ? [["the kernel's WireGuard", 'kernel'] as const] : []),
]

export const DEVICE = 'flannel-wg'

export const keyOf = (number: number): string => {
  const key = Buffer.alloc(32, 7)
  key.writeUInt32LE(number)
  return key.toString('base64')
}

/** A host with the link that a driver makes a device of. */
export interface HostWithLink {
  readonly host: Host
  readonly device: WireguardDevice
  /** For a driver: where the device and its socket are. */
  readonly place: { readonly namespace: string; readonly socketDirectory: string }
}

export async function addHost(lab: Lab, implementation: ImplementationName): Promise<HostWithLink> {
  const host = await lab.addHost()
  const socketDirectory = `${lab.directory}/${host.name}`
  if (implementation === 'kernel') await host.ip('link', 'add', DEVICE, 'type', 'wireguard')
  else await host.ip('tuntap', 'add', DEVICE, 'mode', 'tun')
  await host.ip('link', 'set', DEVICE, 'up')
  return {
    host,
    device: new WireguardDevice(lab, host, DEVICE),
    place: { namespace: host.namespace, socketDirectory },
  }
}
