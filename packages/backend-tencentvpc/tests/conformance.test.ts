import { resourceSuite, type SharedHolderUnderTest } from '@selvedge/conformance'
import type { Driver } from '@selvedge/core'
import { TencentCloud } from '@selvedge/lab'
import { describe, it } from 'vitest'
import type { VpcRouteResource } from '../src/index.js'
import { vpcRoute } from '../src/resource.js'
import { contextOf, KEY, load } from './node.js'

const ADDRESS = '192.168.5.2'

/** By what a test got of it. */
const clouds = new WeakMap<object, TencentCloud>()
const teardown = (holder: object) => clouds.get(holder)?.[Symbol.asyncDispose]()

async function start(addresses: readonly string[], prefix: string): Promise<TencentCloud> {
  const cloud = await TencentCloud.start({ prefix })
  cloud.keys.push(KEY)
  for (const address of addresses) cloud.addInstance(address)
  return cloud
}

function addForeign({ vpc }: TencentCloud): void {
  vpc.addresses.add('192.168.99.99')
  const [inside, outside] = ['10.244.200.0/24', '172.31.0.0/16']
  vpc.add('rtb-main', { DestinationCidrBlock: inside, GatewayId: '192.168.99.99' })
  vpc.add('rtb-main', { DestinationCidrBlock: outside, GatewayType: 'VPN', GatewayId: 'vpngw-1' })
  vpc.add('rtb-main', {
    DestinationIpv6CidrBlock: '2001:db8::/32',
    GatewayType: 'CCN',
    RouteType: 'CCN',
    RouteId: 0,
  })
  // Of a flannel on this very instance, for a subnet that is not ours.
  vpc.add('rtb-main', { DestinationCidrBlock: '10.244.201.0/24', GatewayId: ADDRESS })
}

/** Three nodes, at the addresses that the suite gives them. */
async function threeNodes(): Promise<SharedHolderUnderTest> {
  const addresses = [0, 1, 2].map((node) => `192.0.2.${node + 1}`)
  const cloud = await start(addresses, '192.0.')
  const backends = await Promise.all(addresses.map((address) => load(cloud, address)))
  const holder: SharedHolderUnderTest = {
    backend(node) {
      const backend = backends[node]
      if (backend === undefined) throw new Error(`there are three nodes, and no number ${node}`)
      return backend
    },
    addForeign: () => addForeign(cloud),
    state: () => cloud.toText(),
  }
  clouds.set(holder, cloud)
  return holder
}

resourceSuite(
  { describe, it },
  {
    async setup() {
      const cloud = await start([ADDRESS], '192.168.')
      const backend = await load(cloud, ADDRESS)
      const holder = {
        driver: () => backend.drivers?.(contextOf(ADDRESS))[0] as Driver<VpcRouteResource>,
        scope: { aliases: [], links: [], networks: ['10.244.0.0/16'] },
        samples: ['10.244.1.0/24', '10.244.2.0/24'].map((destination) =>
          vpcRoute({ destination, gateway: ADDRESS }),
        ),
        // Inside of the VPC's own network.
        refused: vpcRoute({ destination: '192.168.7.0/24', gateway: ADDRESS }),
        remove({ destination }: VpcRouteResource) {
          const table = cloud.vpc.table('rtb-main')
          table.routes = table.routes.filter((route) => route.DestinationCidrBlock !== destination)
        },
        addForeign: () => addForeign(cloud),
        state: () => cloud.toText(),
      }
      clouds.set(holder, cloud)
      return holder
    },
    teardown,
    sharedHolder: { setup: threeNodes, teardown, supports: { ipv6: false, dualStack: false } },
  },
)
