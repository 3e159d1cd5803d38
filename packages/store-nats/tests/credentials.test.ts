import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nkeys } from '@nats-io/transport-node'
import { Watcher } from '@selvedge/lab'
import {
  credsFile,
  type NatsCredentials,
  NatsSubnetManager,
  type NatsSubnetManagerOptions,
  nkeyFile,
} from '@selvedge/store-nats'
import { describe, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { attributesOf, ipv4Network } from './network.js'
import { NatsOperator } from './operator.js'

/** Credentials of one kind, and a server that knows them. */
interface Way {
  readonly credentials: NatsCredentials
  /** The server's configuration. */
  readonly config: string
  /** What is in no message. */
  readonly secret: string
}

/** The first are those of the node; with the second the server knows those, and the first no more. */
type Ways = readonly [Way, Way]

const both = (make: (secret: string) => Way): Ways => [make('firstSecret'), make('secondSecret')]

const KINDS: readonly (readonly [kind: string, who: string, make: () => Ways])[] = [
  [
    'a user and a password',
    "the user 'node'",
    () =>
      both((password) => ({
        credentials: { username: 'node', password },
        config: `authorization { user: node, password: "${password}" }`,
        secret: password,
      })),
  ],
  [
    'a token',
    'the token',
    () =>
      both((token) => ({
        credentials: { token },
        config: `authorization { token: "${token}" }`,
        secret: token,
      })),
  ],
  [
    'an nkey',
    'the nkey',
    () =>
      both(() => {
        const pair = nkeys.createUser()
        const nkeySeed = new TextDecoder().decode(pair.getSeed())
        const config = `authorization { users: [{ nkey: ${pair.getPublicKey()} }] }`
        return { credentials: { nkeySeed }, config, secret: nkeySeed }
      }),
  ],
  [
    'a creds file',
    'the user of the creds',
    () => {
      const operator = new NatsOperator()
      const [first, second] = [operator.user(), operator.user()]
      const secretOf = (creds: string) => /^SU\w+$/m.exec(creds)?.[0] ?? ''
      return [
        { credentials: first, config: operator.config(), secret: secretOf(first.creds) },
        { credentials: second, config: operator.config([first]), secret: secretOf(second.creds) },
      ]
    },
  ],
]

const connect = (
  server: NatsServer,
  credentials?: NatsCredentials | (() => NatsCredentials),
  options: Pick<NatsSubnetManagerOptions, 'onWatchCut'> = {},
) => new NatsSubnetManager({ servers: [server.url], credentials, patienceMs: 10_000, ...options })

/** Everything that a node does. */
async function live(manager: NatsSubnetManager, node: number): Promise<void> {
  await manager.getNetworkConfig()
  const lease = await manager.acquireLease({ attributes: attributesOf(node) })
  await manager.renewLease(lease)
  await manager.releaseLease(lease)
}

describe.concurrent('NATS that asks for', () => {
  it.for(KINDS)(
    '%s: lets in whoever has them, and says whom it refuses',
    async ([, who, make], { expect }) => {
      const [first, second] = make()
      await using server = await NatsServer.start({ config: first.config })
      await using manager = connect(server, first.credentials)
      await manager.setNetworkConfig(ipv4Network)
      await live(manager, 1)
      await using other = await NatsServer.start({ config: second.config })
      const cases: [NatsCredentials | undefined, string][] = [
        [undefined, 'a client without credentials'],
        [first.credentials, who],
      ]
      for (const [credentials, named] of cases) {
        await using refused = connect(other, credentials)
        const error: unknown = await live(refused, 1).catch((reason) => reason)
        expect(error).toMatchObject({
          code: 'ACCESS_DENIED',
          message: expect.stringMatching(
            new RegExp(
              `: NATS refuses ${named} at nats://.*(Authorization|Authentication).*; check that its credentials`,
            ),
          ),
        })
        expect(String(error) + JSON.stringify(error)).not.toContain(first.secret)
      }
    },
  )

  it.for(KINDS)('%s, and revokes them: a node goes on with new ones', async ([, who, make], { expect }) => {
    const [first, second] = make()
    let current = first.credentials
    await using server = await NatsServer.start({ config: first.config })
    await using manager = connect(server, () => current)
    await manager.setNetworkConfig(ipv4Network)
    await using watcher = await Watcher.on(manager)
    if ('creds' in first.credentials) {
      // A server that has its accounts' JWTs in its configuration reads them when it starts.
      await server.kill()
      await server.restart(second.config)
    } else await server.configure(second.config, true)
    await watcher.until('a refusal', () => watcher.errors.some(isDenied))
    const refused = watcher.errors.find(isDenied)
    expect(refused?.message).toContain(`NATS refuses ${who} at `)
    await expect(live(manager, 1)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    current = second.credentials
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    await watcher.untilShowsLease(lease)
    expect(watcher.snapshots, 'no change was missed').toBe(1)
    expect(watcher.errors.map(String).join()).not.toContain(first.secret)
  })

  it('a creds file: a node whose JWT has expired goes on with the one that the file has by then', async ({
    expect,
  }) => {
    const operator = new NatsOperator()
    await using server = await NatsServer.start({ config: operator.config() })
    await using folder = await Folder.make()
    const path = join(folder.path, 'node.creds')
    await writeFile(path, operator.user(3).creds)
    await using manager = connect(server, credsFile(path))
    await manager.setNetworkConfig(ipv4Network)
    await using watcher = await Watcher.on(manager)
    await watcher.until('a refusal', () => watcher.errors.some(isDenied))
    await writeFile(path, operator.user().creds)
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    await watcher.untilShowsLease(lease)
    expect(watcher.snapshots).toBe(1)
  })
})

it('a call that comes while a connection is being refused asks for the credentials again', async ({
  expect,
}) => {
  const users = 'users: [{ user: node, password: right }]'
  await using server = await NatsServer.start({ config: `authorization { ${users} }` })
  const passwords = ['wrong']
  const credentials = () => ({ username: 'node', password: passwords.shift() ?? 'right' })
  await using manager = connect(server, credentials)
  const first = manager.networkConfigText()
  const second = manager.networkConfigText()
  await expect(first).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  expect(await second).toBeUndefined()
})

it('no call of a node whose creds are renewed before they expire is refused', async ({ expect }) => {
  const operator = new NatsOperator()
  await using server = await NatsServer.start({ config: operator.config() })
  await using folder = await Folder.make()
  const path = join(folder.path, 'node.creds')
  await writeFile(path, operator.user(3).creds)
  let cuts = 0
  const onWatchCut = () => {
    cuts += 1
  }
  await using manager = connect(server, credsFile(path), { onWatchCut })
  await manager.setNetworkConfig(ipv4Network)
  await writeFile(path, operator.user().creds)
  await using watcher = await Watcher.on(manager)
  const ask = async (): Promise<void> => {
    while (cuts === 0) await manager.getNetworkConfig()
  }
  await Promise.all(Array.from({ length: 20 }, ask))
  await manager.acquireLease({ attributes: attributesOf(1) })
  await watcher.until('the lease', () => watcher.leases.size === 1)
  expect(watcher.errors).toEqual([])
})

describe.concurrent('credentials that cannot be used', () => {
  it('are named, with their file, and not quoted', async ({ expect }) => {
    await using server = await NatsServer.start()
    await using folder = await Folder.make()
    const path = join(folder.path, 'bad')
    await writeFile(path, 'SECRET')
    const cases: [NatsCredentials | (() => NatsCredentials), RegExp][] = [
      [credsFile('/nowhere/node.creds'), /reading the NATS credentials from \/nowhere\/node\.creds.*ENOENT/],
      [credsFile(path), /credentials are not the text of a creds file; it holds a JWT and an nkey seed/],
      [nkeyFile(path), /credentials hold no valid nkey seed; it begins with SU/],
      [{ nkeySeed: 'SUSECRET' }, /credentials hold no valid nkey seed/],
    ]
    for (const [credentials, message] of cases) {
      await using manager = connect(server, credentials)
      const error: unknown = await manager.getNetworkConfig().catch((reason) => reason)
      expect(error).toMatchObject({ code: 'INVALID_CONFIG', message: expect.stringMatching(message) })
      expect(String(error) + JSON.stringify(error)).not.toContain('SECRET')
    }
  })
})

const isDenied = (error: Error): boolean => Reflect.get(error, 'code') === 'ACCESS_DENIED'

/** A folder that is removed in the end. */
class Folder implements AsyncDisposable {
  readonly path: string

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), 'selvedge-nats-')))
  }

  private constructor(path: string) {
    this.path = path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}
