import { expect, test } from 'vitest'
import type { ViciSection } from './message.js'
import { encodePacket, PACKET, PacketSplitter } from './packet.js'

/*
 * What Debian 12's swanctl and charon (strongSwan 5.9.8) sent each other for a configuration with one connection and one
 * secret, recorded between the two: packets with their length.
 */

const fromHex = (text: string): Buffer => Buffer.from(text, 'hex')

/** `swanctl --load-conns` */
const LOAD_CONN = fromHex(
  '0000014700096c6f61642d636f6e6e01076e65742d6e6574030776657273696f6e000132040b6c6f63616c5f61646472' +
    '730500093139322e302e322e3106040c72656d6f74655f61646472730500093139322e302e322e3205000b323030313a' +
    '6462383a3a3206040970726f706f73616c730500166165733235362d7368613235362d6d6f6470343039360601056c6f' +
    '63616c030461757468000370736b0302696400106d6f6f6e2e6578616d706c652e6f726702010672656d6f7465030461' +
    '757468000370736b0201086368696c6472656e01076e65742d6e657404086c6f63616c5f747305000b31302e312e302e' +
    '302f313606040972656d6f74655f747305000b31302e322e302e302f313606040d6573705f70726f706f73616c730500' +
    '1261657331323867636d31362d65637032353606030c73746172745f616374696f6e00046e6f6e65020202',
)

/** `swanctl --load-creds` */
const LOAD_SHARED = fromHex(
  '0000006c000b6c6f61642d736861726564030269640005696b652d310304747970650003696b65030464617461001961' +
    '6e206578616d706c652c20616e64206e6f2073656372657404066f776e6572730500106d6f6f6e2e6578616d706c652e' +
    '6f72670500093139322e302e322e3206',
)

/** charon's answer to `swanctl --list-conns`: an event for the connection, and the end. */
const LISTED = fromHex(
  '000001f907096c6973742d636f6e6e01076e65742d6e6574040b6c6f63616c5f61646472730500093139322e302e322e' +
    '3106040c72656d6f74655f61646472730500093139322e302e322e3205000b323030313a6462383a3a32060307766572' +
    '73696f6e0005494b457632030b7265617574685f74696d65000130030a72656b65795f74696d65000531343430300306' +
    '756e697175650009554e495155455f4e4f01076c6f63616c2d310302696400106d6f6f6e2e6578616d706c652e6f7267' +
    '0305636c617373000e7072652d736861726564206b6579040667726f75707306040b636572745f706f6c696379060405' +
    '6365727473060407636163657274730602010872656d6f74652d310305636c617373000e7072652d736861726564206b' +
    '6579040667726f75707306040b636572745f706f6c696379060405636572747306040763616365727473060201086368' +
    '696c6472656e01076e65742d6e657403046d6f6465000654554e4e454c030a72656b65795f74696d6500043336303003' +
    '0b72656b65795f6279746573000130030d72656b65795f7061636b657473000130030a6470645f616374696f6e00046e' +
    '6f6e65030c636c6f73655f616374696f6e00046e6f6e6504086c6f63616c2d747305000b31302e312e302e302f313606' +
    '040972656d6f74652d747305000b31302e322e302e302f3136060202020000000101',
)

const child = {
  local_ts: ['10.1.0.0/16'],
  remote_ts: ['10.2.0.0/16'],
  esp_proposals: ['aes128gcm16-ecp256'],
  start_action: 'none',
}
const connection: ViciSection = {
  'net-net': {
    version: '2',
    local_addrs: ['192.0.2.1'],
    remote_addrs: ['192.0.2.2', '2001:db8::2'],
    proposals: ['aes256-sha256-modp4096'],
    local: { auth: 'psk', id: 'moon.example.org' },
    remote: { auth: 'psk' },
    children: { 'net-net': child },
  },
}
const secret: ViciSection = {
  id: 'ike-1',
  type: 'ike',
  data: 'an example, and no secret',
  owners: ['moon.example.org', '192.0.2.2'],
}

test.each([
  ['load-conn', LOAD_CONN, connection],
  ['load-shared', LOAD_SHARED, secret],
])('%s is encoded as swanctl does it, byte for byte, and decoded', (name, bytes, message) => {
  expect(encodePacket(PACKET.request, name, message).toString('hex')).toBe(bytes.toString('hex'))
  expect(plain(new PacketSplitter().push(bytes))).toEqual([{ type: PACKET.request, name, message }])
})

test('what charon lists is decoded', () => {
  const [event, end, ...rest] = new PacketSplitter().push(LISTED)
  expect(plain(end)).toEqual({ type: PACKET.response, name: '', message: {} })
  expect(rest).toEqual([])
  expect(plain(event)).toMatchObject({
    type: PACKET.event,
    name: 'list-conn',
    message: {
      'net-net': {
        local_addrs: ['192.0.2.1'],
        remote_addrs: ['192.0.2.2', '2001:db8::2'],
        version: 'IKEv2',
        unique: 'UNIQUE_NO',
        'local-1': { id: 'moon.example.org', class: 'pre-shared key', groups: [], certs: [] },
        'remote-1': { class: 'pre-shared key' },
        children: {
          'net-net': { mode: 'TUNNEL', 'local-ts': ['10.1.0.0/16'], 'remote-ts': ['10.2.0.0/16'] },
        },
      },
    },
  })
})

/** Decoded sections have no prototype. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
