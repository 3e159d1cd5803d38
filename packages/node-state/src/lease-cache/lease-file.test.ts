import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseNetworkConfig } from '@selvedge/core'
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
  nodeAddresses: {},
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

test('where there is none, that is no news', async () => {
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

test('garbage is not used, and told', async () => {
  await writeFile(join(folder, 'leases'), 'selvedge leases 1\n{')
  expect(await file('leases').load()).toBeUndefined()
  expect(warnings).toEqual([expect.stringMatching(/leases is not used: it breaks off/)])
})

test('what cannot be read is not used, and told', async () => {
  expect(await file('.').load()).toBeUndefined()
  expect(warnings).toEqual([expect.stringMatching(/is not used: EISDIR/)])
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

test('a folder that cannot be made is told with the path and what follows', async () => {
  await writeFile(join(folder, 'deep'), '')
  await expect(file().save(known)).rejects.toThrow(/deep\/down\/leases: E(NOTDIR|EXIST).*saved before/)
})
