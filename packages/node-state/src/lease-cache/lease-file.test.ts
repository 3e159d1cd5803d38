import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ExternalInterface, parseNetworkConfig } from '@selvedge/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { KnownNetwork } from './known-network.js'
import { LeaseFile } from './lease-file.js'

let folder: string
let warnings: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-lease-file-'))
  warnings = []
})
afterEach(() => rm(folder, { recursive: true }))

const known: KnownNetwork = {
  config: parseNetworkConfig({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan', PSK: 'hush' } }),
  own: { subnet: '10.244.5.0/24', attributes: { publicIp: '192.0.2.1' }, expiresAt: 1_700_000_000_000 },
  leases: new Map([['10.244.6.0-24', { subnet: '10.244.6.0/24', attributes: { publicIp: '192.0.2.2' } }]]),
  asOf: 1_600_000_000_000,
}

const eth0: ExternalInterface = {
  name: 'eth0',
  macAddress: '02:00:00:00:00:01',
  mtu: 1500,
  ipv4: '192.0.2.1',
  onLink: [],
  reason: 'why',
}

const file = (name = 'deep/down/leases', store = 'etcd a'): LeaseFile =>
  new LeaseFile({ path: join(folder, name), store, onWarning: (text) => warnings.push(text) })

test('what is saved is loaded again, folders are made, and only root may read it', async () => {
  await file().save(known)
  expect(await file().load()).toEqual(known)
  expect((await stat(join(folder, 'deep/down/leases'))).mode & 0o777).toBe(0o600)
  expect(await readdir(join(folder, 'deep/down'))).toEqual(['leases'])
  expect(warnings).toEqual([])
})

test('a missing file is not reported', async () => {
  expect(await file().load()).toBeUndefined()
  expect(warnings).toEqual([])
})

test('what was saved from another store is not used', async () => {
  await file().save(known)
  expect(await file('deep/down/leases', 'etcd b').load()).toBeUndefined()
  expect(warnings).toEqual([
    `the lease cache ${join(folder, 'deep/down/leases')} is not used: it was saved from 'etcd a', and this is 'etcd b'`,
  ])
})

test('garbage is not used, and reported', async () => {
  await writeFile(join(folder, 'leases'), 'selvedge leases 1\n{')
  expect(await file('leases').load()).toBeUndefined()
  expect(warnings).toEqual([expect.stringMatching(/leases is not used: it is incomplete/)])
})

test('what cannot be read is not used, and reported', async () => {
  expect(await file('.').load()).toBeUndefined()
  expect(warnings).toEqual([expect.stringMatching(/is not used: .* is a folder/)])
})

test('a save that fails leaves what was saved before, and nothing beside it', async () => {
  await file().save(known)
  const before = await readFile(join(folder, 'deep/down/leases'), 'utf8')
  const leases = new Map([['x', { attributes: {} }]])
  const broken: KnownNetwork = { ...known, own: { attributes: {} }, leases }
  await expect(file().save(broken)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(await readFile(join(folder, 'deep/down/leases'), 'utf8')).toBe(before)
  expect(await readdir(join(folder, 'deep/down'))).toEqual(['leases'])
})

test('a folder that cannot be made is reported with the path and the consequence', async () => {
  await writeFile(join(folder, 'deep'), '')
  await expect(file().save(known)).rejects.toThrow(/deep\/down\/leases: E(NOTDIR|EXIST).*saved before/)
})

test('the addresses that the store assigns to the node are saved with the network, and survive later saves', async () => {
  const first = file()
  first.keepNodeAddresses({ publicIp: '203.0.113.8' })
  await first.save(known)
  const second = file()
  expect(await second.loadNodeAddresses()).toEqual({ publicIp: '203.0.113.8' })
  await second.save(known)
  expect(await file().loadNodeAddresses()).toEqual({ publicIp: '203.0.113.8' })
})

test('the external interface is saved with the network, and known whichever store it was saved with', async () => {
  let inForce: ExternalInterface | undefined = { ...eth0, host: { addresses: [], gateways: [] } }
  const withInterface = (store: string): LeaseFile =>
    new LeaseFile({
      path: join(folder, 'leases'),
      store,
      externalInterface: () => inForce,
      onWarning: (text) => warnings.push(text),
    })
  expect(await withInterface('etcd a').loadNode()).toEqual({})
  await withInterface('etcd a').save(known)
  const externalInterface = {
    name: 'eth0',
    macAddress: '02:00:00:00:00:01',
    mtu: 1500,
    ipv4: '192.0.2.1',
    reason: 'why',
  }
  const second = withInterface('etcd a')
  expect(await second.loadNode()).toEqual({ externalInterface, lease: known.own })
  // A start that has not found one yet, and is stopped.
  inForce = undefined
  await second.save(known)
  expect(await withInterface('etcd b').loadNode()).toEqual({ externalInterface, lease: undefined })
  expect(warnings).toEqual([])
})

test('garbage says nothing about the node, and is reported once', async () => {
  await writeFile(join(folder, 'leases'), 'selvedge leases 2\n{}\n')
  const cache = file('leases')
  expect(await cache.loadNode()).toEqual({})
  expect(await cache.load()).toBeUndefined()
  expect(warnings).toEqual([expect.stringMatching(/leases is not used: it does not begin with/)])
})

test('what a killed process left beside it is gone after the next save', async () => {
  await writeFile(join(folder, 'leases.tmp'), 'half')
  await file('leases').save(known)
  expect(await readdir(folder)).toEqual(['leases'])
})

test('another process that writes the same file is reported once, and one that deletes it is not', async () => {
  const [first, second] = [file('leases'), file('leases')]
  await first.save(known)
  await rm(join(folder, 'leases'))
  await first.save(known)
  await second.save(known)
  expect(warnings).toEqual([])
  for (let i = 0; i < 3; i += 1) await first.save(known)
  expect(warnings).toEqual([
    `another process writes the lease cache ${join(folder, 'leases')} as well: give each a file of its own`,
  ])
})

test('a file that is too long is neither read nor written', async () => {
  const path = join(folder, 'leases')
  const bounded = new LeaseFile({
    path,
    store: 'etcd a',
    onWarning: (text) => warnings.push(text),
    maxBytes: 1_000,
  })
  await bounded.save(known)
  const leases = new Map(
    Array.from({ length: 20 }, (_, i) => [`10.1.${i}.0-24`, { subnet: `10.1.${i}.0/24`, attributes: {} }]),
  )
  await expect(bounded.save({ ...known, leases })).rejects.toThrow(/it would be longer than 1000 bytes/)
  expect(await bounded.load()).toEqual(known)
  await file('leases').save({ ...known, leases })
  expect(await bounded.load()).toBeUndefined()
  expect(warnings).toEqual([expect.stringMatching(/leases is not used: .* is longer than 1000 bytes/)])
  expect(await readdir(folder)).toEqual(['leases'])
})
