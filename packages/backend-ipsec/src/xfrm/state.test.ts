import { MessageReader, MessageWriter } from '@selvedge/dataplane-linux/kit'
import { expect, test } from 'vitest'
import { readState, writeState } from './state.js'

const zeros = (bytes: number) => '00'.repeat(bytes)

/**
 * What `ip xfrm state add src 127.0.0.1 dst 127.0.0.1 proto esp spi 0xff reqid 11 mode tunnel aead 'rfc4106(gcm(aes))'
 * 0x… 128` of iproute2 6.1 sends, without the message's header, as strace shows it.
 */
const SENT =
  `${zeros(56)}7f000001${zeros(12)}000000ff320000007f000001${zeros(12)}${'ff'.repeat(32)}${zeros(32)}` +
  `${zeros(32)}${zeros(16)}0b000000020001${zeros(9)}` +
  `60001200726663343130362867636d286165732929${zeros(47)}a000000080000000${zeros(20)}`

const STATE = { source: '127.0.0.1', destination: '127.0.0.1', spi: 0xff }

test('a state is, byte for byte, what iproute2 sends', () => {
  const writer = new MessageWriter()
  writeState(writer, 1, 1, STATE, Buffer.alloc(20))
  expect(writer.bytes().subarray(16).toString('hex')).toBe(SENT)
  const reader = new MessageReader(writer.bytes())
  reader.next()
  expect(readState(reader)).toEqual(STATE)
})

test('a state of another reqid is none of ours', () => {
  const writer = new MessageWriter()
  writeState(writer, 1, 1, STATE, Buffer.alloc(20))
  writer.bytes()[16 + 208] = 12
  const reader = new MessageReader(writer.bytes())
  reader.next()
  expect(readState(reader)).toBeUndefined()
})
