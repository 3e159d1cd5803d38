import { MessageReader, MessageWriter } from '@selvedge/dataplane-linux/kit'
import { describe, expect, it } from 'vitest'
import { type XfrmPolicyResource, xfrmPolicy } from '../resource.js'
import {
  readDeletedKey,
  readPolicy,
  writeDeletePolicy,
  writeGetPolicies,
  writePolicy,
  XFRM_MSG_DELPOLICY,
  XFRM_MSG_GETPOLICY,
  XFRM_MSG_NEWPOLICY,
  XFRM_MSG_UPDPOLICY,
} from './policy.js'

/*
 * What `ip xfrm policy` of iproute2 6.1 sends, and what Linux 6.18 answers, without the message's header; as
 * `strace -xx -s 4096 -e sendto,sendmsg,recvmsg` shows it.
 */
const zeros = (bytes: number) => '00'.repeat(bytes)
const NO_LIMITS = 'ff'.repeat(32) + zeros(32)

interface Captured {
  readonly command: string
  readonly policy: XfrmPolicyResource
  readonly sent: string
}

const tunnel = { source: '192.168.77.1', destination: '192.168.77.2' }
const inward = { source: '192.168.77.2', destination: '192.168.77.1' }
const TEMPLATE = `44000500c0a84d02${zeros(12)}0000000032000000${'02000000'}c0a84d01${zeros(12)}0b00000001000000${'ff'.repeat(12)}`
const TEMPLATE_IN = `44000500c0a84d01${zeros(12)}0000000032000000${'02000000'}c0a84d02${zeros(12)}0b00000001000000${'ff'.repeat(12)}`
const SELECTOR = `0a050200${zeros(12)}0a050100${zeros(12)}${zeros(8)}02001818${zeros(12)}`
const SELECTOR_IN = `0a050100${zeros(12)}0a050200${zeros(12)}${zeros(8)}02001818${zeros(12)}`

const captured: readonly Captured[] = [
  {
    command: 'src 10.5.1.0/24 dst 10.5.2.0/24 dir out tmpl src … dst … proto esp reqid 11 mode tunnel',
    policy: xfrmPolicy({
      direction: 'out',
      source: '10.5.1.0/24',
      destination: '10.5.2.0/24',
      action: 'allow',
      priority: 0,
      tunnel,
    }),
    sent: `${SELECTOR}${NO_LIMITS}${zeros(32)}${zeros(8)}0100000000000000${TEMPLATE}`,
  },
  {
    command: 'src 10.5.2.0/24 dst 10.5.1.0/24 dir in tmpl src … dst … proto esp reqid 11 mode tunnel',
    policy: xfrmPolicy({
      direction: 'in',
      source: '10.5.2.0/24',
      destination: '10.5.1.0/24',
      action: 'allow',
      priority: 0,
      tunnel: inward,
    }),
    sent: `${SELECTOR_IN}${NO_LIMITS}${zeros(32)}${zeros(8)}0000000000000000${TEMPLATE_IN}`,
  },
  {
    command: 'src 10.5.2.0/24 dst 10.5.1.0/24 dir fwd tmpl src … dst … proto esp reqid 11 mode tunnel',
    policy: xfrmPolicy({
      direction: 'fwd',
      source: '10.5.2.0/24',
      destination: '10.5.1.0/24',
      action: 'allow',
      priority: 0,
      tunnel: inward,
    }),
    sent: `${SELECTOR_IN}${NO_LIMITS}${zeros(32)}${zeros(8)}0200000000000000${TEMPLATE_IN}`,
  },
  {
    command: 'src 10.5.1.0/24 dst 10.5.0.0/16 dir out action block priority 4000',
    policy: xfrmPolicy({
      direction: 'out',
      source: '10.5.1.0/24',
      destination: '10.5.0.0/16',
      action: 'block',
      priority: 4000,
    }),
    sent:
      `0a050000${zeros(12)}0a050100${zeros(12)}${zeros(8)}02001018${zeros(12)}` +
      `${NO_LIMITS}${zeros(32)}a00f0000000000000101000000000000`,
  },
  {
    command:
      'src fd44:0:0:1::/64 dst fd44:0:0:2::/64 dir out tmpl src … dst … proto esp reqid 11 mode tunnel',
    policy: xfrmPolicy({
      direction: 'out',
      source: 'fd44:0:0:1::/64',
      destination: 'fd44:0:0:2::/64',
      action: 'allow',
      priority: 0,
      tunnel: { source: 'fd77::1', destination: 'fd77::2' },
    }),
    sent:
      `fd44000000000002${zeros(8)}fd44000000000001${zeros(8)}${zeros(8)}0a004040${zeros(12)}` +
      `${NO_LIMITS}${zeros(32)}${zeros(8)}0100000000000000` +
      `44000500fd77${zeros(13)}020000000032000000${'0a000000'}fd77${zeros(13)}010b00000001000000${'ff'.repeat(12)}`,
  },
]

describe('requests are, byte for byte, what iproute2 sends', () => {
  it.each(captured)('ip xfrm policy add $command', ({ policy, sent }) => {
    expect(body((writer) => writePolicy(writer, XFRM_MSG_NEWPOLICY, 1, 1, policy))).toBe(sent)
    expect(body((writer) => writePolicy(writer, XFRM_MSG_UPDPOLICY, 1, 1, policy))).toBe(sent)
  })

  it('ip xfrm policy delete src 10.5.1.0/24 dst 10.5.2.0/24 dir out', () => {
    const [first] = captured
    const policy = first?.policy as XfrmPolicyResource
    expect(body((writer) => writeDeletePolicy(writer, 1, 1, policy))).toBe(`${SELECTOR}0000000001000000`)
  })

  it('ip xfrm policy list', () => {
    const writer = new MessageWriter()
    writeGetPolicies(writer, 0x301, 7)
    expect(writer.bytes().toString('hex')).toBe('10000000150001030700000000000000')
    expect(XFRM_MSG_GETPOLICY).toBe(0x15)
  })
})

describe('answers', () => {
  /** Behind what was sent: XFRMA_POLICY_TYPE of `main`, and the index, the time and the share that the kernel adds. */
  const POLICY_TYPE = `0a001000${zeros(8)}`

  it.each(captured)('describe $command', ({ policy, sent }) => {
    // The lifetimes so far begin behind the selector and the limits; the time of the policy is in them.
    const at = 2 * (56 + 64 + 16)
    const answer = `${sent.slice(0, at)}0160086b${sent.slice(at + 8)}${POLICY_TYPE}`
    expect(readPolicy(message(XFRM_MSG_NEWPOLICY, answer))).toEqual(policy)
  })

  it('name the policy that was deleted', () => {
    const text = `${SELECTOR}0000000001000000`
    expect(readDeletedKey(message(XFRM_MSG_DELPOLICY, text))).toBe('xfrm-policy out 10.5.1.0/24 10.5.2.0/24')
  })

  const [out] = captured.map(({ sent }) => sent)
  const edited = (byte: number, hex: string) =>
    `${out?.slice(0, byte * 2)}${hex}${out?.slice(byte * 2 + hex.length)}`
  it.each([
    ['a socket’s policy', edited(160, '03')],
    ['a policy of a port', edited(34, '0050')],
    ['of a protocol', edited(44, '11')],
    ['of a device', edited(48, '02')],
    ['of a user', edited(52, '01')],
    ['of no family', edited(40, '0000')],
    ['with another reqid', edited(168 + 4 + 44, '0c')],
    ['in transport mode', edited(168 + 4 + 48, '00')],
    ['of AH', edited(168 + 4 + 20, '33')],
    ['with a mark', `${out}0c0015000100000001000000`],
    ['of an xfrm interface', `${out}08001f0001000000`],
    ['of type sub', `${out}0a001000010000000000000000000000`.slice(0, (out?.length ?? 0) + 24)],
    ['of two templates', `${out?.slice(0, 168 * 2)}84000500${TEMPLATE.slice(8)}${TEMPLATE.slice(8)}`],
  ])('leave out %s', (_what, text) => {
    expect(readPolicy(message(XFRM_MSG_NEWPOLICY, text))).toBeUndefined()
  })

  it('that are cut off are refused', () => {
    for (const bytes of [0, 55, 100, 167]) {
      expect(() => readPolicy(message(XFRM_MSG_NEWPOLICY, `${out}`.slice(0, bytes * 2)))).toThrow(/truncated/)
    }
    expect(() => readDeletedKey(message(XFRM_MSG_DELPOLICY, zeros(20)))).toThrow(/truncated/)
  })
})

function body(write: (writer: MessageWriter) => void): string {
  const writer = new MessageWriter()
  write(writer)
  return writer.bytes().subarray(16).toString('hex')
}

function message(type: number, hex: string): MessageReader {
  const bytes = Buffer.from(hex, 'hex')
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + bytes.length)
  header.writeUInt16LE(type, 4)
  const reader = new MessageReader(Buffer.concat([header, bytes]))
  reader.next()
  return reader
}
