import { expect, it } from 'vitest'
import { echoesIn } from './echoes.js'

/** An echo request or an answer to one, over IPv4 and Ethernet. */
function packet(timeMs: number, type: number, from: number, to: number, sequence: number, protocol = 1) {
  const ip = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 244, from, 2, 10, 244, to, 2]
  const icmp = [type, 0, 0, 0, 0, 7, 0, sequence]
  return { timeMs, bytes: Buffer.from([...Buffer.alloc(12), 8, 0, ...ip, ...icmp]) }
}

it('are the requests of one address, with when each left and whether an answer came', () => {
  const packets = [
    packet(1, 8, 1, 2, 1),
    packet(2, 0, 2, 1, 1),
    packet(3, 8, 1, 2, 2),
    // The other's own request, of the same identifier and sequence number, and the answer to it.
    packet(4, 8, 2, 1, 2),
    packet(5, 0, 1, 2, 2),
    packet(6, 3, 2, 1, 2),
    packet(7, 0, 2, 1, 2, 17),
    { timeMs: 8, bytes: Buffer.alloc(3) },
  ]
  expect(echoesIn(packets, '10.244.1.2')).toEqual([
    { sentMs: 1, isAnswered: true },
    { sentMs: 3, isAnswered: false },
  ])
  expect(echoesIn(packets, '10.244.2.2')).toEqual([{ sentMs: 4, isAnswered: true }])
})
