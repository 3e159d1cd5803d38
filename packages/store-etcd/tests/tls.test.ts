import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Certificates } from '@selvedge/lab'
import { EtcdSubnetManager, type EtcdTls, tlsFiles } from '@selvedge/store-etcd'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'

let certificates: Certificates
/** Asks for no client certificate. */
let open: EtcdServer
/** Asks for one. */
let closed: EtcdServer
/** Has one that has expired. */
let expired: EtcdServer

const pem = (path: string) => readFile(path, 'utf8')

beforeAll(async () => {
  certificates = await Certificates.make()
  await Promise.all(['ca', 'foreign-ca'].map((ca) => certificates.makeCa(ca)))
  await certificates.make('server', 'ca')
  await certificates.make('expired', 'ca', { days: -1 })
  await certificates.make('client', 'ca')
  await certificates.make('foreign', 'foreign-ca')
  const server = (name: string) => ({ cert: certificates.cert(name), key: certificates.key(name) })
  ;[open, closed, expired] = await Promise.all([
    EtcdServer.start({ tls: server('server') }),
    EtcdServer.start({ tls: { ...server('server'), ca: certificates.cert('ca') } }),
    EtcdServer.start({ tls: server('expired') }),
  ])
  await using admin = connect(closed, await client('client'))
  await admin.releaseLease({ subnet: '10.99.1.0/24', attributes: { publicIp: '192.0.2.1' } })
})

afterAll(async () => {
  await Promise.all([open, closed, expired].map((server) => server?.[Symbol.asyncDispose]()))
  await certificates[Symbol.asyncDispose]()
})

const connect = (etcd: EtcdServer, tls?: EtcdTls | (() => Promise<EtcdTls>)) =>
  new EtcdSubnetManager({ endpoints: [etcd.endpoint], tls, patienceMs: 200 })

const client = async (name: string): Promise<EtcdTls> => ({
  ca: await pem(certificates.cert('ca')),
  cert: await pem(certificates.cert(name)),
  key: await pem(certificates.key(name)),
})

/** Any call would do: this one resolves with nothing. */
async function answer(manager: EtcdSubnetManager): Promise<void> {
  await using connected = manager
  await connected.releaseLease({ subnet: '10.99.1.0/24', attributes: { publicIp: '192.0.2.1' } })
}

describe('TLS', () => {
  it('works with a CA alone', async () => {
    await answer(connect(open, { ca: await pem(certificates.cert('ca')) }))
  })

  it('works with a CA and a client certificate', async () => {
    await answer(connect(closed, await client('client')))
  })

  it('works with a client certificate alone, if Node.js trusts the CA', async () => {
    // Node.js and gRPC read these when they start, hence a process of its own.
    const { GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: _, ...environment } = process.env
    const program = fileURLToPath(new URL('./client-certificate-alone.mjs', import.meta.url))
    const child = spawn(
      process.execPath,
      [program, closed.endpoint, certificates.cert('client'), certificates.key('client')],
      {
        env: { ...environment, NODE_EXTRA_CA_CERTS: certificates.cert('ca') },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (said += text))
    const [status] = await once(child, 'close')
    expect(said).toContain('LEASE_LOST')
    expect(status).toBe(0)
  })

  it('uses renewed files without a restart', async () => {
    const [cert, key] = [certificates.cert('renewed'), certificates.key('renewed')]
    const take = async (name: string) => {
      await copyFile(certificates.cert(name), cert)
      await copyFile(certificates.key(name), key)
    }
    await take('foreign')
    await using manager = connect(closed, tlsFiles({ ca: certificates.cert('ca'), cert, key }))
    const ask = () => manager.renewLease({ subnet: '10.99.1.0/24', attributes: { publicIp: '192.0.2.1' } })
    await expect(ask()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    await take('client')
    await expect(ask()).rejects.toMatchObject({ code: 'LEASE_LOST' })
  })
})

describe('TLS that fails', () => {
  it('says that the certificate of etcd has expired', async () => {
    const error = answer(connect(expired, { ca: await pem(certificates.cert('ca')) }))
    await expect(error).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(
        /certificate of etcd is not valid at https:.*\(certificate has expired\); check it/,
      ),
    })
  })

  it('says that the certificate of etcd is signed by another CA', async () => {
    for (const tls of [{ ca: await pem(certificates.cert('foreign-ca')) }, undefined]) {
      await expect(answer(connect(open, tls))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(/certificate of etcd is not valid at https:.*\(unable to verify/),
      })
    }
  })

  it('says that etcd asks for a client certificate, or for another one', async () => {
    const ca = await pem(certificates.cert('ca'))
    // etcd 3.4 says the same of each.
    const cases: [EtcdTls, RegExp][] = [
      [{ ca }, /\(TLS alert (bad certificate|certificate required)\)/],
      [await client('foreign'), /\(TLS alert (bad certificate|unknown ca)\)/],
      [await client('expired'), /\(TLS alert (bad certificate|certificate expired)\)/],
    ]
    for (const [tls, alert] of cases) {
      const error: unknown = await answer(connect(closed, tls)).catch((reason) => reason)
      expect(error).toMatchObject({
        code: 'ACCESS_DENIED',
        message: expect.stringMatching(/etcd refuses the TLS client certificate.* at https:/),
      })
      expect(error).toMatchObject({ message: expect.stringMatching(alert) })
    }
  })

  it('names the endpoint if only one side speaks TLS', async () => {
    await using plain = await EtcdServer.start()
    for (const endpoint of [
      plain.endpoint.replace('http:', 'https:'),
      open.endpoint.replace('https:', 'http:'),
    ]) {
      const manager = new EtcdSubnetManager({ endpoints: [endpoint], patienceMs: 200 })
      await expect(answer(manager)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(new RegExp(`etcd does not answer at ${endpoint} \\(.+\\)`)),
      })
    }
  })

  it('names a file that cannot be read, and text that is not PEM, without quoting it', async () => {
    const ca = await pem(certificates.cert('ca'))
    const key = await pem(certificates.key('client'))
    const cases: [EtcdTls | (() => Promise<EtcdTls>), RegExp][] = [
      [tlsFiles({ ca: '/nowhere/ca.pem' }), /reading the TLS ca for etcd from \/nowhere\/ca\.pem.*ENOENT/],
      [{ ca: 'SECRET' }, /reading the TLS CA for etcd, which must be PEM text/],
      [{ ca, cert: ca }, /a TLS certificate was given without its key/],
      [
        { ca, cert: await pem(certificates.cert('client')), key: 'SECRET' },
        /the TLS key is not a private key in PEM/,
      ],
      [{ ca, cert: await pem(certificates.cert('foreign')), key }, /not the key of the client certificate/],
    ]
    for (const [tls, message] of cases) {
      const error: unknown = await answer(connect(open, tls)).catch((reason) => reason)
      expect(error).toMatchObject({ code: 'INVALID_CONFIG', message: expect.stringMatching(message) })
      expect(JSON.stringify(error) + String(error)).not.toMatch(/SECRET|PRIVATE/)
    }
  })
})
