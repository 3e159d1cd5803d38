import { expect, it } from 'vitest'
import { writeGetFamily } from './generic.js'
import { MessageWriter } from './writer.js'

it('asks for a family as wg does, byte for byte', () => {
  // wireguard-tools 1.0.20210914 on Linux 6.1, `wg show`, by strace -e write=all.
  const captured = Buffer.from(
    '2400000010000500b75a086b00000000030100000e000200776972656775617264000000',
    'hex',
  )
  const writer = new MessageWriter()
  writeGetFamily(writer, captured.readUInt16LE(6), captured.readUInt32LE(8), 'wireguard')
  expect(writer.bytes().toString('hex')).toBe(captured.toString('hex'))
})
