import { copyFile } from 'node:fs/promises'
import { Certificates, Watcher } from '@selvedge/lab'
import { NatsSubnetManager, type NatsTls } from '@selvedge/store-nats'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { ipv4Network } from './network.js'

let certificates: Certificates
/** Asks for no client certificate. */
let open: NatsServer
/** The same, at the IPv6 loopback address. */
let ipv6: NatsServer
/** Asks for a client certificate. */
let closed: NatsServer
/** Has a certificate that has expired. */
let expired: NatsServer
/** Has one for another address. */
let elsewhere: NatsServer

const tlsConfig = (name: string, ca?: string): string =>
  [
    'tls {',
    `cert_file: "${certificates.cert(name)}", key_file: "${certificates.key(name)}"`,
    ca === undefined ? '' : `ca_file: "${certificates.cert(ca)}", verify: true`,
    '}',
  ].join('\n')

beforeAll(async () => {
  certificates = await Certificates.make()
  await Promise.all(['ca', 'foreign-ca'].map((ca) => certificates.makeCa(ca)))
  await certificates.make('server', 'ca')
  await certificates.make('expired', 'ca', { days: -1 })
  await certificates.make('elsewhere', 'ca', { names: ['IP:192.0.2.1', 'DNS:nats.example.com'] })
  await certificates.make('client', 'ca')
  await certificates.make('foreign', 'foreign-ca')
  ;[open, ipv6, closed, expired, elsewhere] = await Promise.all([
    NatsServer.start({ config: tlsConfig('server') }),
    NatsServer.start({ config: tlsConfig('server'), host: '::1' }),
    NatsServer.start({ config: tlsConfig('server', 'ca') }),
    NatsServer.start({ config: tlsConfig('expired') }),
    NatsServer.start({ config: tlsConfig('elsewhere') }),
  ])
})

afterAll(async () => {
  await Promise.all([open, ipv6, closed, expired, elsewhere].map((server) => server?.[Symbol.asyncDispose]()))
  await certificates[Symbol.asyncDispose]()
})

const connect = (url: string, tls?: NatsTls) =>
  new NatsSubnetManager({ servers: [url], tls, patienceMs: 200 })

/** With files, as an agent has them. */
const files = (ca: string, name?: string): NatsTls => ({
  caFile: certificates.cert(ca),
  ...(name !== undefined && { certFile: certificates.cert(name), keyFile: certificates.key(name) }),
})

/** Any call would do: this one resolves with nothing. */
async function answer(manager: NatsSubnetManager): Promise<void> {
  await using connected = manager
  await connected.releaseLease({ subnet: '10.99.1.0/24', attributes: { publicIp: '192.0.2.1' } })
}

describe.concurrent('TLS', () => {
  it('works with a CA alone, to a server that is given by its IPv4 address, its IPv6 address, or its name', async () => {
    for (const url of [open.url, ipv6.url, `tls://localhost:${open.port}`]) {
      await answer(connect(url, files('ca')))
      await answer(connect(url.replace('nats:', 'tls:'), files('ca')))
    }
  })

  it('works with a client certificate', async () => {
    await answer(connect(closed.url, files('ca', 'client')))
  })

  it('uses renewed files without a restart, as soon as it connects again', async ({ expect }) => {
    const [certFile, keyFile] = [certificates.cert('renewed'), certificates.key('renewed')]
    const take = async (name: string) => {
      await copyFile(certificates.cert(name), certFile)
      await copyFile(certificates.key(name), keyFile)
    }
    await take('foreign')
    await using manager = connect(closed.url, { ...files('ca'), certFile, keyFile })
    const lease = { subnet: '10.99.1.0/24', attributes: { publicIp: '192.0.2.1' } }
    await expect(manager.renewLease(lease)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    await take('client')
    await expect(manager.renewLease(lease)).rejects.toMatchObject({ code: 'LEASE_LOST' })
  })
})

describe.concurrent('TLS that fails', () => {
  const cases: [string, () => [url: string, tls?: NatsTls], RegExp][] = [
    ['has expired', () => [expired.url, files('ca')], /\(certificate has expired\)/],
    ['is signed by another CA', () => [open.url, files('foreign-ca')], /\(unable to verify .*certificate\)/],
    ['is signed by a CA that Node.js does not trust', () => [open.url], /\(unable to verify .*certificate\)/],
    [
      'is for another address',
      () => [elsewhere.url, files('ca')],
      /IP: 127\.0\.0\.1 is not in the cert's list/,
    ],
    [
      'is for another name',
      () => [`tls://localhost:${elsewhere.port}`, files('ca')],
      /localhost\. is not in the cert's altnames/,
    ],
  ]
  it.for(cases)('says that the certificate of the server %s', async ([, server, said], { expect }) => {
    const [url, tls] = server()
    const error: unknown = await answer(connect(url, tls)).catch((reason) => reason)
    expect(error).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(`: TLS failed at ${url} (`),
    })
    expect(error).toMatchObject({ message: expect.stringMatching(said) })
  })

  it('says that the server asks for a client certificate, or refuses the one it gets', async ({ expect }) => {
    for (const tls of [files('ca'), files('ca', 'foreign'), files('ca', 'expired')]) {
      await expect(answer(connect(closed.url, tls))).rejects.toMatchObject({
        code: 'ACCESS_DENIED',
        message: expect.stringMatching(
          /NATS refuses this node's TLS certificate, or misses one at nats:.*\(TLS alert .*(certificate|unknown ca)/,
        ),
      })
    }
  })

  it('says that the server has no TLS', async ({ expect }) => {
    await using plain = await NatsServer.start()
    for (const manager of [connect(plain.url, {}), connect(plain.url.replace('nats:', 'tls:'))]) {
      await expect(answer(manager)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining("(server does not support 'tls'); check that the server has TLS"),
      })
    }
  })

  it('is what a watch says, which goes on when the certificate is good again', async ({ expect }) => {
    await using server = await NatsServer.start({ config: tlsConfig('server') })
    await using manager = connect(server.url, files('ca'))
    await manager.setNetworkConfig(ipv4Network)
    await using watcher = await Watcher.on(manager)
    await server.kill()
    await server.restart(tlsConfig('expired'))
    await watcher.until('the reason', () =>
      watcher.errors.some(({ message }) => message.includes('certificate has expired')),
    )
    await server.kill()
    await server.restart(tlsConfig('server'))
    const lease = await manager.acquireLease({ attributes: { publicIp: '192.0.2.1' } })
    await watcher.untilShowsLease(lease)
    expect(watcher.snapshots).toBe(1)
  })

  it('names a file that cannot be read, and text that is not PEM, without quoting it', async ({ expect }) => {
    const foreignKey = { certFile: certificates.cert('client'), keyFile: certificates.key('foreign') }
    const cases: [NatsTls, RegExp][] = [
      [{ caFile: '/nowhere/ca.pem' }, /reading the TLS ca for NATS from \/nowhere\/ca\.pem.*ENOENT/],
      [{ ca: 'SECRET' }, /reading the TLS CA for NATS, which must be PEM text/],
      [
        { cert: 'SECRET', key: 'SECRET' },
        /reading the TLS certificate and key for NATS: .*give a certificate and its own key/,
      ],
      [foreignKey, /reading the TLS certificate and key for NATS from .*client\.pem and .*: .*mismatch/],
    ]
    for (const [tls, message] of cases) {
      const error: unknown = await answer(connect(open.url, tls)).catch((reason) => reason)
      expect(error).toMatchObject({ code: 'INVALID_CONFIG', message: expect.stringMatching(message) })
      expect(JSON.stringify(error) + String(error)).not.toMatch(/SECRET|PRIVATE/)
    }
    for (const tls of [{ certFile: '/a' }, { key: 'SECRET' }, { ca: 'SECRET', caFile: '/a' }]) {
      expect(() => connect(open.url, tls)).toThrow(/tls has .*; give (both, or neither|one of them)/)
    }
  })
})
