import { setTimeout as sleep } from 'node:timers/promises'
import type { SubnetManager } from '@selvedge/core'
import { Certificates, documentBlock, run, Watcher } from '@selvedge/lab'
import { Etcd3 } from 'etcd3'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'
import { attributesOf, dualStackNetwork, TestNetwork } from './network.js'

const ROOT = { username: 'root', password: 'r00t-Secret' }
const USER = { username: 'node', password: 'us3r-Secret' }

/** Users: root, and one with the role that the README gives a node. */
async function enableAuth(endpoint: string, prefix: string): Promise<void> {
  const commands = documentBlock('packages/store-etcd/README.md', 'etcdctl role add overlay', {
    '/coreos.com/network': prefix,
    // It would ask for a password otherwise.
    'user add node': `user add ${USER.username}:${USER.password}`,
  })
  await run('env', ['ETCDCTL_API=3', `ETCDCTL_ENDPOINTS=${endpoint}`, 'sh', '-euc', commands])
  const etcd = new Etcd3({ hosts: endpoint })
  try {
    await etcd.auth.userAdd({ name: ROOT.username, password: ROOT.password })
    await etcd.auth.roleAdd({ name: ROOT.username })
    await etcd.auth.userGrantRole({ user: ROOT.username, role: ROOT.username })
    await etcd.auth.authEnable()
  } finally {
    etcd.close()
  }
}

/** Everything that a node does. */
async function live(manager: SubnetManager, node: number): Promise<void> {
  await manager.getNetworkConfig()
  const lease = await manager.acquireLease({ attributes: attributesOf(node) })
  await manager.renewLease({ ...lease, attributes: attributesOf(node, '02:00:00:00:00:01') })
  await manager.acquireLease({ attributes: attributesOf(node) })
  await manager.releaseLease(lease)
}

let certificates: Certificates

beforeAll(async () => {
  certificates = await Certificates.make()
  await certificates.makeCa('jwt')
})

afterAll(() => certificates[Symbol.asyncDispose]())

describe.concurrent('etcd with users', () => {
  const tokens: [string, () => string[]][] = [
    ['simple tokens of one second', () => ['--auth-token', 'simple', '--auth-token-ttl', '1']],
    [
      'JSON web tokens of two seconds',
      () => ['--auth-token', `jwt,priv-key=${certificates.key('jwt')},sign-method=ES256,ttl=2s`],
    ],
  ]
  it.for(tokens)('and %s: calls and watches outlive them', async ([, flags], { expect }) => {
    await using etcd = await EtcdServer.start({ flags: flags() })
    await using network = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
    await enableAuth(etcd.endpoint, network.prefix)
    const manager = network.manager(USER)
    await using watcher = await Watcher.on(manager)
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    await watcher.untilShowsLease(lease)
    // Every change of users makes JSON web tokens that were handed out before too old.
    const root = new Etcd3({ hosts: etcd.endpoint, auth: ROOT })
    await root.auth.userAdd({ name: 'another', password: 'an0ther-Secret' })
    root.close()
    await live(manager, 4)
    // Two tokens' lives, with etcd's habit of looking for expired ones once a second.
    await sleep(4_000)
    await live(manager, 2)
    await sleep(3_000)
    // A stream is where etcd3 does not renew a token by itself.
    await using later = await Watcher.on(manager)
    await etcd.kill()
    await etcd.restart()
    const other = await manager.acquireLease({ attributes: attributesOf(3) })
    await Promise.all([watcher, later].map((each) => each.untilShowsLease(other)))
    expect([...watcher.errors, ...later.errors].map((error) => Reflect.get(error, 'code'))).not.toContain(
      'ACCESS_DENIED',
    )
  })

  it('refuses what the user may not do, and says what it must be allowed', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
    await enableAuth(etcd.endpoint, network.prefix)
    const cases = [
      [
        network.manager({ ...USER, prefix: '/elsewhere' }),
        /etcd refuses user 'node' at .*permission denied.*must read \/elsewhere\/config/,
      ],
      [
        network.manager({ ...USER, password: 'wr0ng-Secret' }),
        /etcd refuses user 'node' at .*invalid user ID or password/,
      ],
      [network.manager(), /etcd refuses a client without a user at .*user name is empty/],
    ] as const
    for (const [manager, message] of cases) {
      for (const call of [
        () => manager.getNetworkConfig(),
        () => live(manager, 1),
        () => firstError(manager),
      ]) {
        const error: unknown = await call().catch((reason) => reason)
        expect(error).toMatchObject({ code: 'ACCESS_DENIED', message: expect.stringMatching(message) })
        expect(String(error) + JSON.stringify(error)).not.toContain('Secret')
      }
    }
    await live(network.manager(USER), 1)
  })

  it('that are switched on and off under a manager that was given a user', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
    const manager = network.manager(USER)
    await live(manager, 1)
    await enableAuth(etcd.endpoint, network.prefix)
    await live(manager, 1)
    const root = new Etcd3({ hosts: etcd.endpoint, auth: ROOT })
    await root.auth.authDisable()
    root.close()
    await live(manager, 1)
    expect(await network.contents()).toEqual([])
  })
})

/** What a watch reports first; it goes on trying. */
async function firstError(manager: SubnetManager): Promise<never> {
  await using watcher = new Watcher(manager)
  await watcher.until('error', () => watcher.errors.length > 0)
  throw watcher.errors[0]
}
