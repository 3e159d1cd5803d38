import { expect, test } from 'vitest'
import { table } from './table.js'

test('columns are as wide as their widest cell', () => {
  const rows = [
    ['host', 'subnet', 'mtu'],
    ['h1', '10.244.113.0/24', '1450'],
    ['host12', '', '1450'],
  ]
  expect(table(rows)).toEqual([
    'host    subnet           mtu',
    'h1      10.244.113.0/24  1450',
    'host12                   1450',
  ])
})
