import { MemoryDriver } from '@selvedge/conformance'
import { expect, it } from 'vitest'
import { OverlayError } from '../util/errors.js'
import { removeShared } from './remove-shared.js'

const SCOPE = { aliases: [], links: [], networks: [] }

async function holding(kind: string, shared: boolean) {
  const driver = Object.assign(new MemoryDriver({ name: kind, kinds: [kind] }), { shared })
  await driver.apply([{ type: 'put', resource: { kind, key: `${kind} mine` } }])
  return driver
}

it('empties shared holders, and no others', async () => {
  const [own, shared] = [await holding('tunnel', false), await holding('cloud', true)]
  await removeShared([own, shared], SCOPE, {})
  expect(own.resources).toHaveLength(1)
  expect(shared.resources).toEqual([])
})

it('rejects with what a holder answers', async () => {
  const shared = await holding('cloud', true)
  const error = new OverlayError('DRIVER_REFUSED', 'the cloud says no')
  shared.apply = async (operations) => operations.map(() => ({ ok: false, error }))
  await expect(removeShared([shared], SCOPE, {})).rejects.toBe(error)
})
