/** What a node of the backend vxlan publishes, as flannel writes it. */
export const vxlanRecord = (publicIp: string): string =>
  JSON.stringify({
    PublicIP: publicIp,
    PublicIPv6: null,
    BackendType: 'vxlan',
    BackendData: { VNI: 7, VtepMAC: 'aa:00:00:00:00:01' },
  })
