import { expect, it } from 'vitest'
import { readAck } from './ack.js'
import { NLM_F_ACK_TLVS, NLMSG_ERROR } from './constants.js'
import { MessageReader } from './reader.js'
import { MessageWriter } from './writer.js'

it('reads the kernel’s own words', () => {
  const header = '3c00000002000003 4e00000000000000'
  const echoed = 'eaffffff 30000000 10000506 4e00000000000000'
  const text = `18000100${Buffer.from('Required attributes\0').toString('hex')}`
  const message = new MessageReader(Buffer.from(`${header}${echoed}${text}`.replaceAll(' ', ''), 'hex'))
  message.next()
  expect(readAck(message)).toEqual({ errno: 'EINVAL', kernelText: 'Required attributes' })
})

it('refuses an acknowledgement that claims to echo more than it holds', () => {
  const writer = new MessageWriter()
  writer.begin(NLMSG_ERROR, NLM_F_ACK_TLVS, 1)
  writer.u32(-22)
  writer.u32(0xc300_0000)
  for (let word = 0; word < 8; word += 1) writer.u32(0)
  writer.end()
  const message = new MessageReader(writer.bytes())
  message.next()
  expect(() => readAck(message)).toThrow(/of a message of 3271557120 bytes/)
})
