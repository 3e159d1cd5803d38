/** What an agent with many peers sends to a page that opens, one in a hundred of them in trouble. */
export function manyPeers(count: number): string {
  const peers = Array.from({ length: count }, (_, n) => ({
    key: `10.${n >> 8}.${n & 255}.0-24`,
    subnets: [`10.${n >> 8}.${n & 255}.0/24`],
    addresses: [`172.16.${n >> 8}.${n & 255}`],
    backend: 'vxlan',
    path: n % 5 === 0 ? 'direct' : 'tunnel',
    failing: n % 100 === 7 ? 1 : 0,
    drift: 0,
    changedAt: Date.now() - n * 1_000,
  }))
  const summary = {
    version: '0.0.0',
    host: 'node-0',
    node: {
      subnets: ['10.200.0.0/24'],
      addresses: ['172.16.200.1'],
      backend: 'vxlan',
      mtu: 1450,
      interfaceName: 'eth0',
    },
    store: { name: 'etcd', connected: true, fromCache: false },
    kernel: { inSync: true, desired: count * 3, actual: count * 3, failed: 0, failures: [] },
    configDifferences: [],
    drift: { total: 0, last: [], minutes: [] },
    syncs: [{ at: Date.now(), put: count * 3, deleted: 0, failed: 0, durationMs: 700 }],
    events: [],
    peerCount: count,
  }
  return `retry: 100000\n\nevent: snapshot\ndata: ${JSON.stringify({ summary, peers })}\n\n`
}
