import { describe, expect, it } from 'vitest'
import { decodeLinkSettings } from '../link-types/index.js'
import { vxlan } from '../link-types/vxlan.js'
import { readAck } from '../netlink/ack.js'
import { MessageReader, MessageWriter, NetlinkError } from '../netlink/index.js'
import { readAddressMessage } from './address.js'
import { readLink, writeNewLink } from './link.js'
import { readNeighbour } from './neighbour.js'
import { readNexthop } from './nexthop.js'
import { readRoute } from './route.js'

const writer = new MessageWriter()
writeNewLink(writer, 0x605, 7, {
  name: 'flannel.1',
  up: true,
  mtu: 1450,
  address: 'c6:d2:32:6f:8f:44',
  kind: 'vxlan',
  writeData: (data) =>
    vxlan.encode({ vni: 1, port: 8472, local: '192.168.64.3', learning: false }, data, () => 0),
})
const VXLAN = writer.bytes().toString('hex')

describe('bytes that are no message', () => {
  const decodeVxlan = (message: MessageReader): void => {
    const { data } = readLink(message)
    if (data !== undefined) decodeLinkSettings(vxlan, data, () => undefined)
  }
  const readers = [readLink, decodeVxlan, readAddressMessage, readRoute, readNexthop, readNeighbour, readAck]

  /** Reads all there is; anything but a NetlinkError, or no end, fails the test. */
  function readAll(bytes: Buffer): 'read' | 'refused' {
    try {
      for (const read of readers) {
        const reader = new MessageReader(bytes)
        for (let steps = 0; reader.next(); steps += 1) {
          if (steps > bytes.length) throw new Error('does not end')
          read(reader)
        }
      }
      return 'read'
    } catch (error) {
      if (error instanceof NetlinkError && error.reason === 'malformed') return 'refused'
      throw error
    }
  }

  const seed = Number(process.env.SEED ?? Date.now() % 1e9)
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }

  it(`truncated or flipped anywhere, yield a NetlinkError or a message (seed ${seed})`, () => {
    const whole = Buffer.from(VXLAN, 'hex')
    for (let length = 1; length < whole.length; length += 1) {
      expect(readAll(whole.subarray(0, length))).toBe('refused')
    }
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = Buffer.from(whole)
      for (let flips = 1 + random(4); flips > 0; flips -= 1) bytes[random(bytes.length)] = random(256)
      // Most flips of the length end the reading early; keep the decoders busy with the rest.
      if (round % 2 === 0) bytes.writeUInt32LE(bytes.length, 0)
      readAll(bytes)
    }
  })

  it('a header that claims no bytes does not loop for ever', () => {
    expect(readAll(Buffer.alloc(64))).toBe('refused')
  })

  it('an attribute of no bytes does not loop for ever', () => {
    const bytes = Buffer.from(VXLAN, 'hex')
    bytes.writeUInt16LE(0, 32)
    expect(readAll(bytes)).toBe('refused')
  })
})
