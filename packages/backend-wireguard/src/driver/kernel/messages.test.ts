import { readFileSync } from 'node:fs'
import { MessageReader, MessageWriter, NLM_F_ACK, NLM_F_REQUEST } from '@selvedge/dataplane-linux/kit'
import { describe, expect, it } from 'vitest'
import type { DeviceState } from '../device.js'
import { joinParts } from './join-parts.js'
import { readDevicePart, writeGetDevice, writeSetDevice } from './messages.js'
import { type DeviceRequest, requestsOf } from './requests.js'

const FAMILY = 0x20
const NLM_F_DUMP = 0x300

/** What was captured of `wg`, by section: its requests and its answers, each a datagram. */
interface Capture {
  readonly requests: readonly Buffer[]
  readonly answers: readonly Buffer[]
}

const captures = new Map(
  readFileSync(new URL('./captures.txt', import.meta.url), 'utf8')
    .split(/^== /m)
    .slice(1)
    .map((section): [string, Capture] => {
      const [name = '', ...lines] = section.split('\n')
      const datagrams = lines.join('\n').split(/^# (?=request|answer)/m)
      const of = (kind: string) =>
        datagrams
          .filter((text) => text.startsWith(kind))
          .map((text) => Buffer.from(text.slice(kind.length).replaceAll('\n', ''), 'hex'))
      return [name, { requests: of('request'), answers: of('answer') }]
    }),
)

function capture(name: string): Capture {
  const found = captures.get(name)
  if (found === undefined) throw new RangeError(`no capture '${name}'`)
  return found
}

const A = 'ew1H2TQn+DERYHgcfHM/2J+IlwrvSQ2KoO4ZpMuKGxQ='
const B = 'qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo='
const PRIVATE_KEY = Buffer.alloc(32, 0x11).toString('base64')
const PSK = Buffer.alloc(32, 0x22).toString('base64')
const device = 'wg0'

/** With the sequence number of the capture, which is arbitrary. */
function written(request: DeviceRequest, captured: Buffer): string {
  const writer = new MessageWriter()
  writeSetDevice(writer, NLM_F_REQUEST | NLM_F_ACK, captured.readUInt32LE(8), FAMILY, request)
  return writer.bytes().toString('hex')
}

describe('requests are those of wg, byte for byte', () => {
  const cases: readonly (readonly [name: string, request: DeviceRequest])[] = [
    [
      'set the device',
      { device, privateKey: PRIVATE_KEY, listenPort: 51820, firewallMark: 0x1234, peers: [] },
    ],
    [
      'set a peer',
      {
        device,
        peers: [
          {
            publicKey: A,
            presharedKey: PSK,
            endpoint: '192.0.2.7:51820',
            persistentKeepalive: 25,
            replaceAllowedIps: true,
            allowedIps: ['10.5.2.0/24', '2001:db8:42:2::/64'],
          },
        ],
      },
    ],
    [
      'set a peer over IPv6',
      {
        device,
        peers: [
          {
            publicKey: B,
            endpoint: '[2001:db8::7]:51821',
            replaceAllowedIps: true,
            allowedIps: ['10.5.3.0/24'],
          },
        ],
      },
    ],
    [
      'set two peers',
      {
        device,
        peers: [
          {
            publicKey: A,
            endpoint: '192.0.2.8:51820',
            replaceAllowedIps: true,
            allowedIps: ['10.5.2.0/24'],
          },
          {
            publicKey: B,
            persistentKeepalive: 0,
            replaceAllowedIps: true,
            allowedIps: ['10.5.3.0/24', '10.5.4.0/24'],
          },
        ],
      },
    ],
    ['take a PSK away', { device, peers: [{ publicKey: A, presharedKey: null, allowedIps: [] }] }],
    ['take allowed IPs away', { device, peers: [{ publicKey: A, replaceAllowedIps: true, allowedIps: [] }] }],
    ['remove a peer', { device, peers: [{ publicKey: A, remove: true, allowedIps: [] }] }],
  ]
  it.each(cases)('%s', (name, request) => {
    const [captured = Buffer.alloc(0)] = capture(name).requests
    expect(written(request, captured)).toBe(captured.toString('hex'))
  })

  it('show', () => {
    const [captured = Buffer.alloc(0)] = capture('show').requests
    const writer = new MessageWriter()
    writeGetDevice(writer, NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP, captured.readUInt32LE(8), FAMILY, device)
    expect(writer.bytes().toString('hex')).toBe(captured.toString('hex'))
  })
})

/** What the datagrams of an answer say. The last one's message of NLMSG_DONE is the transport's. */
function read(datagrams: readonly Buffer[]): DeviceState | undefined {
  const parts = datagrams.flatMap((datagram) => {
    const found: ReturnType<typeof readDevicePart>[] = []
    const message = new MessageReader(datagram)
    while (message.next()) if (message.type === FAMILY) found.push(readDevicePart(message))
    return found
  })
  return joinParts(parts)
}

const MANY = [
  ...Array.from({ length: 340 }, (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`),
  '2001:db8:42:9::/64',
]
const own = { privateKey: PRIVATE_KEY, listenPort: 51820, firewallMark: 0x1234 }
// The kernel clamps a private key (RFC 7748, 5).
const CLAMPED = Buffer.alloc(32, 0x11)
CLAMPED[0] = 0x10
CLAMPED[31] = 0x51
const clamped = { ...own, privateKey: CLAMPED.toString('base64') }
const peerA = {
  publicKey: A,
  presharedKey: undefined,
  endpoint: undefined,
  persistentKeepalive: 0,
  allowedIps: [],
  lastHandshake: 0,
}

describe('answers', () => {
  it('say what a device has', () => {
    expect(read(capture('show').answers)).toEqual({
      ...clamped,
      peers: [
        {
          ...peerA,
          presharedKey: PSK,
          endpoint: '192.0.2.7:51820',
          persistentKeepalive: 25,
          allowedIps: ['10.5.2.0/24', '2001:db8:42:2::/64'],
        },
        { ...peerA, publicKey: B, endpoint: '[2001:db8::7]:51821', allowedIps: ['10.5.3.0/24'] },
      ],
    })
  })

  it('of a device without peers', () => {
    expect(read(capture('show a device without peers').answers)).toEqual({ ...clamped, peers: [] })
  })

  it('of a session say when it began and where its packets come from', () => {
    expect(read(capture('show a session').answers)?.peers).toEqual([
      { ...peerA, endpoint: '[fd09::2]:4444', allowedIps: ['10.9.0.2/32'], lastHandshake: 0x6b085ac5 },
    ])
  })

  it('in several messages are joined: a peer goes on in the next', () => {
    const { answers } = capture('show many allowed IPs')
    expect(answers.length).toBeGreaterThan(2)
    const peers = read(answers)?.peers
    expect(peers?.map(({ publicKey }) => publicKey)).toEqual([A, B])
    expect(peers?.[1]?.allowedIps).toEqual(MANY.toSorted())
  })

  it('without a message are of no device', () => expect(read([])).toBeUndefined())

  it('that are cut off or damaged are reported, wherever they are', () => {
    const { answers } = capture('show')
    const [whole = Buffer.alloc(0)] = answers
    const message = new MessageReader(whole)
    message.next()
    const { start, end } = message
    let refused = 0
    for (let at = start; at < end; at += 1) {
      const cut = Buffer.from(whole.subarray(0, at))
      if (at >= 16) cut.writeUInt32LE(at, 0)
      for (const damaged of [cut, flip(whole, at)]) {
        try {
          read([damaged])
        } catch (error) {
          expect(error).toMatchObject({ name: 'NetlinkError', reason: 'malformed' })
          refused += 1
        }
      }
    }
    // Many a byte may have any value; a length must not.
    expect(refused).toBeGreaterThan(300)
  })
})

function flip(bytes: Buffer, at: number): Buffer {
  const damaged = Buffer.from(bytes)
  damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at)
  return damaged
}

describe('a change', () => {
  it('of many allowed IPs is split: those of wg and ours say the same', () => {
    const change = { peers: [{ publicKey: B, allowedIps: MANY }] }
    const requests = requestsOf(device, change)
    expect(requests.flatMap(({ peers }) => peers.map(({ allowedIps }) => allowedIps.length))).toEqual([
      256, 85,
    ])
    const ours = requests.map((request) => {
      const writer = new MessageWriter()
      writeSetDevice(writer, NLM_F_REQUEST, 1, FAMILY, request)
      return Buffer.from(writer.bytes())
    })
    // A request to set a device is written as the answer that says what it has.
    expect(read(ours)).toEqual(read(capture('set many allowed IPs').requests))
    expect(read(ours)?.peers[0]?.allowedIps).toEqual(MANY.toSorted())
  })

  it('of many peers takes as few messages as they fit into, in their order', () => {
    const peers = Array.from({ length: 1000 }, (_, i) => ({
      publicKey: Buffer.alloc(32, i).toString('base64'),
      endpoint: '[2001:db8::7]:51821',
      allowedIps: [`10.${i >> 8}.${i & 255}.0/24`, `2001:db8:${i.toString(16)}::/64`],
    }))
    const requests = requestsOf(device, { listenPort: 1, peers })
    expect(requests.length).toBeLessThan(20)
    expect(requests.map(({ listenPort }) => listenPort)).toEqual([
      1,
      ...requests.slice(1).map(() => undefined),
    ])
    expect(requests.flatMap((one) => one.peers.map(({ publicKey }) => publicKey))).toEqual(
      peers.map(({ publicKey }) => publicKey),
    )
    for (const request of requests) {
      const writer = new MessageWriter()
      writeSetDevice(writer, NLM_F_REQUEST, 1, FAMILY, request)
      expect(writer.length).toBeLessThan(17 << 10)
    }
  })

  it('without peers is one message', () => {
    expect(requestsOf(device, { listenPort: 7 })).toEqual([{ device, listenPort: 7, peers: [] }])
  })

  it('with an address that is none is a TypeError', () => {
    const writer = new MessageWriter()
    const request = { device, peers: [{ publicKey: A, endpoint: 'nowhere:1', allowedIps: [] }] }
    expect(() => writeSetDevice(writer, NLM_F_REQUEST, 1, FAMILY, request)).toThrow(TypeError)
  })
})
