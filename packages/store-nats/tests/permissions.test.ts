import { connect as connectNats } from '@nats-io/transport-node'
import { Watcher } from '@selvedge/lab'
import { NatsSubnetManager, type NatsSubnetManagerOptions } from '@selvedge/store-nats'
import { describe, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { attributesOf, dualStackNetwork } from './network.js'

/** What the README says that a node needs. */
const PUBLISH = ['$JS.API.>', '$JS.FC.>', '$KV.selvedge.>', '$KV.selvedge-leases.>']
const SUBSCRIBE = ['_INBOX.>']

const OPERATOR = { username: 'operator', password: 'operatorSecret' }
const NODE = { username: 'node', password: 'nodeSecret' }

const config = (publish: readonly string[], subscribe: readonly string[]): string => `
  authorization { users: [
    { user: operator, password: ${OPERATOR.password} }
    { user: node, password: ${NODE.password}, permissions: {
      publish: [${quoted(publish)}], subscribe: [${quoted(subscribe)}]
    } }
  ] }`

const quoted = (subjects: readonly string[]): string => subjects.map((subject) => `"${subject}"`).join(', ')

const connect = (server: NatsServer, credentials: NatsSubnetManagerOptions['credentials']) =>
  new NatsSubnetManager({ servers: [server.url], credentials })

/** Everything that a node does. */
async function live(manager: NatsSubnetManager, node: number): Promise<void> {
  await manager.getNetworkConfig()
  const attributes = { ...attributesOf(node), publicIpv6: '2001:db8::1' }
  const lease = await manager.acquireLease({ attributes })
  await manager.renewLease(lease)
  await manager.releaseLease(lease)
}

describe.concurrent('a user of NATS', () => {
  it('that may do what the README says can do everything that a node does, and make the buckets', async ({
    expect,
  }) => {
    await using server = await NatsServer.start({ config: config(PUBLISH, SUBSCRIBE) })
    await using node = connect(server, NODE)
    await node.setNetworkConfig(dualStackNetwork)
    await fill(server)
    await using watcher = await Watcher.on(node)
    const lease = await node.acquireLease({ attributes: attributesOf(2) })
    await watcher.untilShowsLease(lease)
    await live(node, 1)
    expect(watcher.errors).toEqual([])
  })

  it('that may do everything is told so, of what is there; nothing is written', async ({ expect }) => {
    await using server = await NatsServer.start({ config: config(PUBLISH, SUBSCRIBE) })
    await using node = connect(server, NODE)
    const unmade = await node.rights()
    expect(unmade.map(({ does }) => does)).toEqual([
      'read config in the bucket selvedge',
      expect.stringMatching(/^watch the bucket /),
      'say that what was delivered has arrived',
    ])
    await node.setNetworkConfig(dualStackNetwork)
    const rights = await node.rights()
    expect(rights).toHaveLength(5)
    expect([...unmade, ...rights].filter(({ isAllowed }) => !isAllowed)).toEqual([])
    await using watcher = await Watcher.on(node)
    expect(watcher.keys).toEqual([])
  })

  const without = (subject: string): string =>
    config(
      PUBLISH.filter((each) => each !== subject),
      SUBSCRIBE,
    )
  const cases: [right: string, config: string, problem: RegExp][] = [
    ['$JS.API.>', without('$JS.API.>'), /to publish to \$JS\.API\.STREAM\.INFO\.KV_selvedge(-leases)? at /],
    [
      '$KV.selvedge-leases.>, or $KV.selvedge.> from NATS 2.11 on,',
      config(['$JS.API.>', '$JS.FC.>'], SUBSCRIBE),
      /to publish to \$KV\.selvedge(-leases)?\.claims\.fd99\S+ at /,
    ],
    ['$JS.FC.>', without('$JS.FC.>'), /to publish to \$JS\.FC\.KV_selvedge\.\S+ at /],
    ['_INBOX.>', config(PUBLISH, ['nothing']), /to subscribe to _INBOX\.\S+ at /],
  ]
  it.for<[right: string, config: string, lacking: RegExp, remedy: RegExp]>([
    ['$JS.API.>', without('$JS.API.>'), /^read config in the bucket selvedge$/, /publish to "\$JS\.API\.>"/],
    [
      'the keys of leases',
      config(['$JS.API.>', '$JS.FC.>'], SUBSCRIBE),
      /^write leases to the bucket selvedge(-leases)?, write claims of IPv6 subnets to the bucket selvedge(-leases)?$/,
      /publish to "\$KV\.selvedge(-leases)?\.>"/,
    ],
    [
      '$JS.FC.>',
      without('$JS.FC.>'),
      /^say that what was delivered has arrived$/,
      /publish to "\$JS\.FC\.>"/,
    ],
  ])('that may not use %s can ask what it lacks', async ([, forbidding, lacking, remedy], { expect }) => {
    await using server = await NatsServer.start({ config: forbidding })
    await using operator = connect(server, OPERATOR)
    await operator.setNetworkConfig(dualStackNetwork)
    await using node = connect(server, NODE)
    const missing = (await node.rights()).filter(({ isAllowed }) => !isAllowed)
    expect(missing.map(({ does }) => does).join(', ')).toMatch(lacking)
    for (const right of missing) expect(right.remedy).toMatch(remedy)
  })

  it.for(cases)('that may not use %s is told so', async ([, forbidding, problem], { expect }) => {
    await using server = await NatsServer.start({ config: forbidding })
    await using operator = connect(server, OPERATOR)
    await operator.setNetworkConfig(dualStackNetwork)
    await live(operator, 2)
    await fill(server)
    await using node = connect(server, NODE)
    const error: unknown = await live(node, 1).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', message: expect.stringMatching(problem) })
    expect(error).toMatchObject({
      message: expect.stringContaining("NATS does not permit the user 'node' to "),
    })
    expect(error).toMatchObject({
      message: expect.stringContaining(
        'allow it to publish to $JS.API.>, $JS.FC.>, $KV.selvedge.>, $KV.selvedge-leases.>, and to subscribe to _INBOX.>',
      ),
    })
    expect(String(error) + JSON.stringify(error)).not.toContain('Secret')
    // It is as usual again with the permissions.
    await using watcher = new Watcher(node)
    await server.configure(config(PUBLISH, SUBSCRIBE), true)
    await watcher.until('a snapshot', () => watcher.snapshots > 0)
    await live(node, 1)
  })
})

/** So much that the server, before it sends all of it, waits for word that the first part has arrived. */
async function fill({ port }: NatsServer): Promise<void> {
  const { username: user, password: pass } = OPERATOR
  const nc = await connectNats({ servers: `127.0.0.1:${port}`, user, pass })
  try {
    for (let n = 0; n < 40; n += 1) await nc.request(`$KV.selvedge.other.${n}`, 'x'.repeat(100_000))
  } finally {
    await nc.close()
  }
}
