import { hostGw } from '@selvedge/backend-hostgw'
import { vxlan } from '@selvedge/backend-vxlan'
import type { Backend, NetworkConfig } from '@selvedge/core'

/** The backend that a network's config names: vxlan or host-gw. */
export function backendOf({ backend }: NetworkConfig): Backend {
  switch (backend?.type) {
    case 'vxlan':
      return vxlan()
    case 'host-gw':
      return hostGw()
    default:
      throw new TypeError(`Backend.Type is '${backend?.type}'; a lab has vxlan and host-gw`)
  }
}
