import { OverlayError, type PublicAddresses } from '@selvedge/core'
import { expect, test } from 'vitest'
import { CachedNodeAddresses } from './cached-node-addresses.js'

const ASSIGNED = { publicIp: '192.0.2.1' }
const unavailableError = new OverlayError('STORE_UNAVAILABLE', 'no answer')

function cachedAddresses(read: () => Promise<PublicAddresses>, saved?: PublicAddresses) {
  const kept: PublicAddresses[] = []
  const unavailable: string[] = []
  const addresses = new CachedNodeAddresses({
    read,
    cache: { loadNodeAddresses: async () => saved, keepNodeAddresses: (next) => kept.push(next) },
    onUnavailable: ({ message }) => unavailable.push(message),
  })
  return { addresses, kept, unavailable }
}

test('a store that answers is believed, and remembered', async () => {
  const { addresses, kept, unavailable } = cachedAddresses(async () => ASSIGNED, { publicIp: '192.0.2.9' })
  expect(await addresses.read()).toEqual(ASSIGNED)
  expect({ kept, unavailable }).toEqual({ kept: [ASSIGNED], unavailable: [] })
})

test('while it is unavailable, what it said last counts', async () => {
  const { addresses, unavailable } = cachedAddresses(() => Promise.reject(unavailableError), ASSIGNED)
  expect(await addresses.read()).toEqual(ASSIGNED)
  expect(unavailable).toEqual(['no answer'])
})

test('if nothing is known it fails as the store does', async () => {
  const { addresses, unavailable } = cachedAddresses(() => Promise.reject(unavailableError))
  await expect(addresses.read()).rejects.toBe(unavailableError)
  expect(unavailable).toEqual([])
})

test('a store that refuses is not unavailable', async () => {
  const refused = new OverlayError('ACCESS_DENIED', 'forbidden')
  const { addresses } = cachedAddresses(() => Promise.reject(refused), ASSIGNED)
  await expect(addresses.read()).rejects.toBe(refused)
})
