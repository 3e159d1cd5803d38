import type { LeaseAttributes } from '@selvedge/core'

/** The network configs of stores' tests: 200 subnets. */
export const ipv4Network = {
  Network: '10.99.0.0/16',
  SubnetLen: 24,
  SubnetMin: '10.99.1.0',
  SubnetMax: '10.99.200.0',
  Backend: { Type: 'vxlan' },
}

const ipv6Keys = {
  EnableIPv6: true,
  IPv6Network: 'fd99::/48',
  IPv6SubnetLen: 64,
  IPv6SubnetMin: 'fd99:0:0:1::',
  IPv6SubnetMax: 'fd99:0:0:c8::',
}

/** 200 subnets of each family. */
export const dualStackNetwork = { ...ipv4Network, ...ipv6Keys }
export const ipv6Network = { ...ipv6Keys, EnableIPv4: false, Backend: { Type: 'vxlan' } }

export const attributesOf = (node: number, mac = 'c6:d2:32:6f:8f:44'): LeaseAttributes => ({
  publicIp: `192.0.2.${node}`,
  backendType: 'vxlan',
  backendData: { VNI: 1, VtepMAC: mac },
})
