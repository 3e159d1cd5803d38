import { expect, it } from 'vitest'
import { ikeConnection } from '../resource.js'
import { Redials } from './redials.js'

const connection = (localAddress: string, remoteAddress: string) =>
  ikeConnection({
    localAddress,
    remoteAddress,
    localId: localAddress,
    localSubnet: '10.5.1.0/24',
    remoteSubnet: '10.5.2.0/24',
  })
const lower = connection('192.168.0.1', '192.168.0.2')
const higher = connection('192.168.0.2', '192.168.0.1')
const NONE = new Set<string>()

it('initiates after 2.5 s, then twice as long each time, up to 40 s', () => {
  const redials = new Redials()
  redials.begin(lower, 0)
  const waits: number[] = []
  for (let before = 0, i = 0; i < 7; i += 1) {
    const [at = 0] = redials.dues
    expect(redials.take([lower], NONE, at - 1)).toEqual([])
    expect(redials.take([lower], NONE, at)).toEqual([lower])
    waits.push(at - before)
    before = at
  }
  expect(waits).toEqual([2500, 5000, 10_000, 20_000, 40_000, 40_000, 40_000])
})

it('gives the peer that is to initiate 0.3 s', () => {
  const redials = new Redials()
  redials.begin(higher, 1000)
  expect(redials.dues).toEqual([1300])
})

it('has no due for connections that are up, gone or forgotten', () => {
  const redials = new Redials()
  for (const act of [
    () => redials.take([lower], new Set([lower.name]), 1),
    () => redials.take([], NONE, 1),
    () => redials.forget(lower.name),
    () => redials.clear(),
  ]) {
    redials.begin(lower, 0)
    act()
    expect(redials.dues).toEqual([])
  }
})

it('gives one that it has not met 2.5 s', () => {
  const redials = new Redials()
  expect(redials.take([lower], NONE, 100)).toEqual([])
  expect(redials.dues).toEqual([2600])
})
