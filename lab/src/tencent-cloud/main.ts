/**
 * `node main.js '<settings>'`: a `TencentCloud` in a process of its own, whose VPC is the kernel of the namespace that it
 * runs in: each route to an instance that is enabled is a route of the kernel. Prints its endpoint once it listens, and
 * obeys commands on a socket: `GET /state`, `POST /delete?10.244.1.0/24`.
 */
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import { TencentCloud } from './cloud.js'
import type { CloudSettings } from './process.js'

const settings: CloudSettings = JSON.parse(process.argv[2] ?? '{}')
const { address, prefix, key, instances, controlSocket } = settings

const cloud = await TencentCloud.start({ address, prefix })
cloud.keys.push(key)
for (const one of instances) cloud.addInstance(one)

let routed = new Map<string, string>()
cloud.onChange = () => {
  const wanted = new Map(
    cloud.vpc.tables.flatMap(({ routes }) =>
      routes
        .filter(({ GatewayType, Enabled }) => GatewayType === 'NORMAL_CVM' && Enabled)
        .map(({ DestinationCidrBlock, GatewayId }) => [DestinationCidrBlock, GatewayId] as const),
    ),
  )
  for (const [destination, gateway] of wanted) {
    if (routed.get(destination) !== gateway) ip('replace', destination, 'via', gateway)
  }
  for (const destination of routed.keys()) if (!wanted.has(destination)) ip('delete', destination)
  routed = wanted
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', ['route', ...args])
}

createServer((request, response) => {
  const [path, destination] = decodeURIComponent(request.url ?? '').split('?')
  if (path === '/delete') {
    for (const table of cloud.vpc.tables) {
      table.routes = table.routes.filter((route) => route.DestinationCidrBlock !== destination)
    }
    cloud.onChange?.()
  }
  response.end(cloud.toText())
}).listen(controlSocket, () => console.log(cloud.endpoint))
