/** The store on a real API server, over TLS: config, lease, watch, and a stop in the middle of it. */
import { KubeSubnetManager, podAccess } from '@selvedge/store-kube'

const stop = new AbortController()
{
  await using subnets = new KubeSubnetManager({
    access: podAccess({ host: '10.96.0.1', port: '443' }),
    node: 'worker-1',
  })
  const config = await subnets.getNetworkConfig()
  const lease = await subnets.acquireLease({ attributes: { publicIp: '192.0.2.1', backendType: 'host-gw' } })
  console.log(config.ipv4?.network, lease.subnet)
  for await (const event of subnets.watchLeases({ signal: stop.signal })) {
    console.log(event.type)
    stop.abort()
  }
}
console.log('stopped')
// Deno sends a request that is given up once more, and stays for as long as the server keeps that open.
process.exit()
