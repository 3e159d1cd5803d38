import { hostGw } from '@selvedge/backend-hostgw'
import { ipip } from '@selvedge/backend-ipip'
import { udp } from '@selvedge/backend-udp'
import { vxlan } from '@selvedge/backend-vxlan'
import type { Backend, NetworkConfig } from '@selvedge/core'

/** The backend that a network's config names: vxlan, host-gw, ipip or udp. */
export function backendOf({ backend }: NetworkConfig): Backend {
  switch (backend?.type) {
    case 'vxlan':
      return vxlan()
    case 'host-gw':
      return hostGw()
    case 'ipip':
      return ipip()
    case 'udp':
    case undefined:
      return udp()
    default:
      throw new TypeError(`Backend.Type is '${backend?.type}'; a lab has vxlan, host-gw, ipip and udp`)
  }
}
