import { FakeClock } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseNetworkConfig } from '../lease/network-config.js'
import { OverlayError } from '../util/errors.js'
import { ConfigWatch } from './config-watch.js'

const CONFIG = { Network: '10.244.0.0/16' }

describe('ConfigWatch', () => {
  let clock: FakeClock
  let store: MemoryStore
  let subnets: MemorySubnetManager
  let stop: AbortController
  let heard: string[]
  let watch: ConfigWatch

  beforeEach(() => {
    clock = new FakeClock()
    store = new MemoryStore({ config: CONFIG, clock })
    subnets = new MemorySubnetManager(store)
    stop = new AbortController()
    heard = []
    watch = new ConfigWatch({
      subnets,
      config: parseNetworkConfig(CONFIG),
      clock,
      random: () => 0.5,
      onChange: ({ differences }) => heard.push(differences.join('; ')),
      onError: ({ code }) => heard.push(code),
      onRecovered: ({ code }) => heard.push(`no more ${code}`),
    })
  })

  it('reports a change once, another change again, and the way back', async () => {
    void watch.run(stop.signal)
    await clock.advance(5 * 60_000)
    store.setNetworkConfig({ ...CONFIG, EnableNFTables: true })
    await clock.advance(5 * 60_000)
    store.setNetworkConfig({ ...CONFIG, EnableNFTables: true, Backend: { Type: 'vxlan' } })
    await clock.advance(5 * 60_000)
    store.setNetworkConfig(CONFIG)
    await clock.advance(5 * 60_000)
    expect(heard).toEqual([
      'EnableNFTables is true, was false',
      'EnableNFTables is true, was false; Backend.Type is vxlan, was absent',
      '',
    ])
  })

  it('reports a config that is broken once, and leaves a store that is away to the watch of leases', async () => {
    const answers = [
      new OverlayError('STORE_UNAVAILABLE', 'no answer'),
      new OverlayError('INVALID_CONFIG', 'Network is 7'),
      new OverlayError('INVALID_CONFIG', 'Network is 7'),
    ]
    const real = subnets.getNetworkConfig.bind(subnets)
    subnets.getNetworkConfig = (options) => {
      const answer = answers.shift()
      return answer === undefined ? real(options) : Promise.reject(answer)
    }
    void watch.run(stop.signal)
    await clock.advance(5 * 60_000)
    expect(answers).toEqual([])
    expect(heard).toEqual(['INVALID_CONFIG', 'no more INVALID_CONFIG', ''])
  })

  it('says what is wrong with the config for as long as it is, and reports the same fault again', async () => {
    const real = subnets.getNetworkConfig.bind(subnets)
    let isBroken = true
    subnets.getNetworkConfig = (options) =>
      isBroken ? Promise.reject(new OverlayError('INVALID_CONFIG', 'SubnetLen is 33')) : real(options)
    void watch.run(stop.signal)
    await clock.advance(5 * 60_000)
    expect(watch.error?.message).toBe('SubnetLen is 33')
    isBroken = false
    await clock.advance(60_000)
    expect(watch.error).toBeUndefined()
    isBroken = true
    await clock.advance(60_000)
    expect(watch.error?.message).toBe('SubnetLen is 33')
    expect(heard).toEqual(['INVALID_CONFIG', 'no more INVALID_CONFIG', '', 'INVALID_CONFIG'])
  })

  it('does not wait for a config that is gone, and sees the next one', async () => {
    const asked: (AbortSignal | undefined)[] = []
    subnets.getNetworkConfig = ({ signal } = {}) => {
      asked.push(signal)
      return clock.sleep(Number.POSITIVE_INFINITY, { signal }) as Promise<never>
    }
    void watch.run(stop.signal)
    await clock.advance(5 * 60_000)
    expect(asked.length).toBeGreaterThan(3)
    expect(heard).toEqual([])
    // Nobody takes what was read minutes ago for what is there.
    expect(clock.now() - watch.asOf).toBe(5 * 60_000)
    stop.abort()
    await clock.settle()
    expect(clock.pending).toEqual([])
  })

  it('answers whether the config in the store is the one in force', async () => {
    expect(await watch.isInForce(stop.signal)).toBe(true)
    store.setNetworkConfig({ Network: '10.1.0.0/16' })
    expect(await watch.isInForce(stop.signal)).toBe(false)
    expect(heard).toHaveLength(1)
  })
})
