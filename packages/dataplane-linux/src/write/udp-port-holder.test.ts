import { expect, it } from 'vitest'
import { parseUdpSockets } from './udp-port-holder.js'

it('reads the tables of IPv4 and IPv6', () => {
  const text = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  303: 00000000:2118 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1234 2 0000000000000000 0
  304: 00000000000000000000000001000000:0044 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 5678 2 0000000000000000 0
  nonsense
`
  expect(parseUdpSockets(text)).toEqual([
    { port: 8472, uid: 0, inode: 1234 },
    { port: 68, uid: 101, inode: 5678 },
  ])
  expect(parseUdpSockets('')).toEqual([])
})
