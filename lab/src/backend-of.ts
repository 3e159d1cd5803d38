import { hostGw } from '@selvedge/backend-hostgw'
import { vxlan } from '@selvedge/backend-vxlan'
import type { Backend, NetworkConfig } from '@selvedge/core'

/** The backend that a network's config asks for, of those that a lab knows. */
export function backendOf({ backend }: NetworkConfig): Backend {
  switch (backend?.type) {
    case 'vxlan':
      return vxlan()
    case 'host-gw':
      return hostGw()
    default:
      throw new TypeError(`Backend.Type is '${backend?.type}'; a lab knows vxlan and host-gw`)
  }
}
