import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { address, link } from '../contract/resource.js'
import { DeltaTracker } from './delta-tracker.js'
import { DriverSet } from './driver-set.js'
import { WriteRound } from './write-round.js'

const DEVICE = link({ name: 'flannel.1', type: 'vxlan', settings: { vni: 1 } })
const ADDRESS = address({ link: 'flannel.1', address: '10.244.1.0', prefixLength: 32 })
const SCOPE = { aliases: [], links: ['flannel.1'], networks: ['10.244.0.0/16'] }
const signal = new AbortController().signal

function setup() {
  const clock = new FakeClock()
  const kernel = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
  const drivers = new DriverSet([kernel.driver()])
  const tracker = new DeltaTracker({ random: () => 0.5, onDirty: () => undefined })
  const read = async () => void (await tracker.observe(await drivers.snapshot(SCOPE, {})))
  const calls = { again: 0, later: 0 }
  const round = () =>
    new WriteRound({
      tracker,
      drivers,
      clock,
      readAgain: async () => {
        calls.again += 1
        await read()
      },
      changedBy: () => undefined,
      onContest: () => undefined,
      readLater: () => {
        calls.later += 1
      },
    }).run(signal)
  return { clock, kernel, tracker, read, round, calls }
}

describe('WriteRound', () => {
  it('writes what differs in its order, and counts it', async () => {
    const { tracker, read, round, kernel } = setup()
    tracker.desired.set('node', [ADDRESS, DEVICE])
    await read()
    const tally = await round()
    expect(tally.report(0)).toMatchObject({ put: 2, deleted: 0, failed: 0 })
    expect(kernel.toText()).toContain('10.244.1.0/32')
    expect((await round()).isEmpty()).toBe(true)
  })

  it('reads again after a write that others may have gone with, and before anything else is written', async () => {
    const { tracker, read, round, kernel, calls } = setup()
    tracker.desired.set('node', [DEVICE, ADDRESS])
    await read()
    await round()
    calls.again = 0
    tracker.desired.set('node', [link({ ...DEVICE, settings: { vni: 2 } }), ADDRESS])
    const tally = await round()
    expect(calls.again).toBe(1)
    expect(tally.report(0)).toMatchObject({ put: 2, failed: 0 })
    expect(kernel.toText()).toContain('10.244.1.0/32')
  })

  it("counts one key's failure, and writes the others", async () => {
    const { tracker, read, round, kernel } = setup()
    kernel.fail({
      errno: 'ENOBUFS',
      when: (request) => request.type === 'put' && request.resource.key === ADDRESS.key,
    })
    tracker.desired.set('node', [DEVICE, ADDRESS])
    await read()
    const tally = await round()
    expect(tally.report(0)).toMatchObject({ put: 1, failed: 1 })
    expect(tally.errors()).toMatchObject([{ errno: 'ENOBUFS' }])
    expect(tracker.failures).toMatchObject([{ key: ADDRESS.key }])
  })
})
