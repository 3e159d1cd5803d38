import { hostGw } from '@selvedge/backend-hostgw'
import { ipip } from '@selvedge/backend-ipip'
import { vxlan } from '@selvedge/backend-vxlan'
import type { Backend, NetworkConfig } from '@selvedge/core'

/** The backend that a network's config names: vxlan, host-gw or ipip. */
export function backendOf({ backend }: NetworkConfig): Backend {
  switch (backend?.type) {
    case 'vxlan':
      return vxlan()
    case 'host-gw':
      return hostGw()
    case 'ipip':
      return ipip()
    default:
      throw new TypeError(`Backend.Type is '${backend?.type}'; a lab has vxlan, host-gw and ipip`)
  }
}
