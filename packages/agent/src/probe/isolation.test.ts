import { expect, test } from 'vitest'
import { Isolation } from './isolation.js'

const reached = (peers: number): Isolation<number> => {
  const isolation = new Isolation<number>()
  for (let peer = 0; peer < peers; peer += 1) isolation.changed(peer, 'reachable')
  isolation.reached(0)
  return isolation
}

test('a node is cut off once all of several peers are unreachable, and no longer once one is reached', () => {
  const isolation = reached(3)
  isolation.changed(0, 'unreachable')
  isolation.changed(1, 'unreachable')
  expect(isolation.unreachable(60_000)).toBeUndefined()
  isolation.changed(2, 'unreachable')
  expect(isolation.unreachable(60_000)).toBe(3)
  isolation.changed(1, 'reachable')
  expect(isolation.unreachable(60_000)).toBeUndefined()
})

test('one peer alone is no reason, nor are peers that were never reached', () => {
  const isolation = reached(1)
  isolation.changed(0, 'unreachable')
  isolation.changed(1, 'unknown')
  isolation.changed(2, 'unknown')
  expect(isolation.unreachable(60_000)).toBeUndefined()
})

test('of thousands of peers, eight that fail while nothing is reached for a second are enough', () => {
  const isolation = reached(5_000)
  for (let peer = 0; peer < 8; peer += 1) isolation.changed(peer, 'unreachable')
  expect(isolation.unreachable(999)).toBeUndefined()
  expect(isolation.unreachable(1_000)).toBe(8)
  isolation.reached(1_100)
  expect(isolation.unreachable(60_000)).toBeUndefined()
})

test('a rack of forty that fails is no reason while others are reached', () => {
  const isolation = reached(50)
  for (let peer = 0; peer < 40; peer += 1) {
    isolation.changed(peer, 'unreachable')
    isolation.reached(peer * 50)
  }
  expect(isolation.unreachable(60_000)).toBeUndefined()
})

test('peers that leave the network count no longer', () => {
  const isolation = reached(10)
  for (let peer = 0; peer < 9; peer += 1) isolation.changed(peer, 'unreachable')
  for (let peer = 0; peer < 9; peer += 1) isolation.removed(peer)
  expect(isolation.unreachable(60_000)).toBeUndefined()
})
