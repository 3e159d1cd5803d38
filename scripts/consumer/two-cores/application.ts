/** An application with a copy of core, and a third party's store and backend, which have another. */
import assert from 'node:assert/strict'
import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { createOverlay, isOverlayError, OverlayError, type SubnetManager } from '@selvedge/core'
import { EdgeSubnetManager, edgeBackend, OverlayError as TheirError } from 'edge-store'

const HOUR = 3_600_000

assert.notEqual(TheirError, OverlayError, 'two copies of core are loaded')

// An error of either copy is known to the other, and so is its type.
const theirs: unknown = new TheirError('LEASE_LOST', 'gone')
assert.ok(isOverlayError(theirs, 'LEASE_LOST'))
const ours: OverlayError = new TheirError('CLOSED', 'closed')
assert.equal(OverlayError.from(ours, 'INTERNAL', 'closing'), ours)

const clock = new FakeClock()
const kernel = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
const edge = new EdgeSubnetManager({ config: { Network: '10.244.0.0/16', Backend: { Type: 'edge' } }, clock })
const subnets: SubnetManager = edge
const overlay = createOverlay({ subnets, backend: edgeBackend(), drivers: [kernel.driver()], clock })
const leases: string[] = []
const errors: string[] = []
overlay.on('lease', ({ type }) => void leases.push(type))
overlay.on('error', (error) => void errors.push(error.code))
await overlay.start()

// Resources that their copy made are written, compared and repaired by ours.
const { store } = edge
const peer = store.acquire({ attributes: { publicIp: '192.0.2.2', backendType: 'edge' } })
const isThere = () => kernel.toText().includes(`${peer.subnet} via 192.0.2.2 dev eth0`)
await clock.advanceUntil(isThere)
kernel.run(`ip route del ${peer.subnet}`)
await clock.advanceUntil(isThere)
assert.deepEqual(await overlay.plan(), [])

// What their backend refuses costs that lease alone.
store.acquire({ attributes: { publicIpv6: 'fd00::3', backendType: 'edge' } })
await clock.advanceUntil(() => errors.includes('INVALID_LEASE'))
assert.ok(isThere())

// Their LEASE_LOST is no failed renewal to be repeated: the lease is acquired again.
edge.loseLease()
await clock.advance(23.5 * HOUR)
assert.deepEqual(leases, ['acquired', 'lost', 'acquired'])
await overlay.stop({ cleanup: true })
assert.ok(!isThere())
console.log('two copies of core work together')
