import { expect, it } from 'vitest'
import { textOf } from './text.js'

it.each<[string, number[]]>([
  ['eth0', [0x65, 0x74, 0x68, 0x30]],
  ['🦊\ufffd', [...Buffer.from('🦊\ufffd')]],
  ['\\xff', [0xff]],
  ['a\\xc3b', [0x61, 0xc3, 0x62]],
  ['\\xe2\\x80', [0xe2, 0x80]],
  ['é\\xa9\\xf0\\x9f\\xa6', [0xc3, 0xa9, 0xa9, 0xf0, 0x9f, 0xa6]],
  ['', []],
])('reads %j', (text, bytes) => expect(textOf(Buffer.from(bytes))).toBe(text))
