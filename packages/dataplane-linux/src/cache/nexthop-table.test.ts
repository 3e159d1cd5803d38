import { expect, it } from 'vitest'
import { NexthopTable } from './nexthop-table.js'

it('draws ids from the upper half, none twice, and none that is known', () => {
  const table = new NexthopTable()
  const ids = new Set<number>()
  for (let number = 0; number < 1_000; number += 1) {
    const { id } = table.draw(5, `10.0.0.${number}`, true)
    expect(id).toBeGreaterThan(2 ** 30)
    expect(id).toBeLessThan(2 ** 31)
    ids.add(id)
  }
  expect(ids.size).toBe(1_000)
})

it('tells paths apart by link, gateway and onlink', () => {
  const table = new NexthopTable()
  const nexthop = table.add(7, 5, '10.0.0.0', true)
  expect(table.find(5, '10.0.0.0', true)).toBe(nexthop)
  expect(table.find(5, '10.0.0.0', false)).toBeUndefined()
  expect(table.find(6, '10.0.0.0', true)).toBeUndefined()
  expect(table.find(5, '10.0.0.1', true)).toBeUndefined()
})

it('uses the first of two that lead the same way, and the other once that is gone only when added again', () => {
  const table = new NexthopTable()
  const first = table.add(7, 5, '10.0.0.0', true)
  const second = table.add(8, 5, '10.0.0.0', true)
  expect(table.find(5, '10.0.0.0', true)).toBe(first)
  table.forget(second)
  expect(table.find(5, '10.0.0.0', true)).toBe(first)
  table.forget(first)
  expect(table.find(5, '10.0.0.0', true)).toBeUndefined()
  expect(table.get(7)).toBeUndefined()
})
