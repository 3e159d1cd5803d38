/** How often a node that joins asks NATS: thousands of them may do so at once. */
import { TcpProxy, Watcher } from '@selvedge/lab'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { attributesOf, dualStackNetwork, ipv4Network, TestNetwork } from './network.js'

let nats: NatsServer

beforeAll(async () => {
  nats = await NatsServer.start()
})

afterAll(() => nats[Symbol.asyncDispose]())

/** What is asked of JetStream through a connection, and what is written to a bucket: `PUB` and `HPUB` of NATS' protocol. */
const REQUEST = /^H?PUB \$(?:JS\.API|KV)\.(\S+)/gm

async function requestsOf(port: number, work: (url: string) => Promise<void>): Promise<readonly string[]> {
  let sent = ''
  await using proxy = await TcpProxy.to(port, (near, far) => {
    near.on('data', (data) => {
      sent += data.toString('latin1')
      far.write(data)
    })
    far.pipe(near)
  })
  await work(`nats://127.0.0.1:${proxy.port}`)
  return [...sent.matchAll(REQUEST)].map(([, subject = '']) => subject)
}

it.for([
  ['IPv4', ipv4Network, attributesOf(9), 0],
  ['dual-stack', dualStackNetwork, { ...attributesOf(9), publicIpv6: '2001:db8::9' }, 1],
] as const)(
  'a node of an %s network reads the config, joins and watches by few requests',
  async ([, config, attributes, claims]) => {
    await using network = await TestNetwork.in([nats], config)
    const others = { ...attributesOf(1), publicIpv6: '2001:db8::1' }
    await network.manager().acquireLease({ attributes: others })
    const requests = await requestsOf(nats.port, async (url) => {
      const node = network.manager({ servers: [url] })
      await node.getNetworkConfig()
      await node.acquireLease({ attributes })
      await using watcher = await Watcher.on(node)
      expect(watcher.keys).toHaveLength(2)
    })
    // Of one bucket: its state, the config, the list, the lease, its state again. Two have a list and a state more each.
    expect(requests, requests.join('\n')).toHaveLength((network.hasTwoBuckets ? 7 : 5) + claims)
  },
)
