import type { Annotations } from '../../src/annotations.js'

export const VTEP = '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}'

/** What a dual-stack vxlan node publishes. */
export const PUBLISHED: Annotations = {
  'kube-subnet-manager': 'true',
  'backend-type': 'vxlan',
  'backend-data': VTEP,
  'backend-v6-data': '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:66"}',
  'public-ip': '192.0.2.1',
  'public-ipv6': '2001:db8::1',
}
