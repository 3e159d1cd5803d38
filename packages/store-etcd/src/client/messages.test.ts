import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import type { TxnRequest } from './api.js'
import {
  decodeAuthenticateResponse,
  decodeLeaseGrantResponse,
  decodeRangeResponse,
  decodeTxnResponse,
  decodeWatchResponse,
  encodeAuthenticateRequest,
  encodeLeaseGrantRequest,
  encodeLeaseId,
  encodeRangeRequest,
  encodeTxnRequest,
  encodeWatchRequest,
} from './messages.js'

/** etcd's own definitions, as the package etcd3 brings them, read by protobufjs. */
const schema = new protobuf.Root().loadSync(fileURLToPath(import.meta.resolve('etcd3/proto/rpc.proto')), {
  keepCase: true,
})

const type = (name: string) => schema.lookupType(`etcdserverpb.${name}`)

const decoded = (name: string, bytes: Buffer): unknown =>
  type(name).toObject(type(name).decode(bytes), { longs: String, enums: String, bytes: Buffer })

const encoded = (name: string, value: object): Buffer =>
  Buffer.from(type(name).encode(type(name).fromObject(value)).finish())

const key = Buffer.from('/coreos.com/network/subnets/10.5.52.0-24')
const range_end = Buffer.from('/coreos.com/network/subnets0')
const LARGEST = '9223372036854775807'

/** At every length that a varint can have, on both sides of where a double stops being exact. */
const NUMBERS = [
  '0',
  '1',
  ...Array.from({ length: 9 }, (_, groups) => 2n ** (7n * BigInt(groups + 1))).flatMap((n) => [
    String(n - 1n),
    String(n),
  ]),
  String(2n ** 53n - 1n),
  String(2n ** 53n),
  String(2n ** 53n + 1n),
  LARGEST,
].filter((text) => BigInt(text) <= BigInt(LARGEST))

describe('what we send is what etcd reads:', () => {
  it('RangeRequest', () => {
    const request = { key, range_end, limit: 1, min_mod_revision: LARGEST }
    expect(decoded('RangeRequest', encodeRangeRequest(request))).toEqual({ ...request, limit: '1' })
    expect(decoded('RangeRequest', encodeRangeRequest({ key }))).toEqual({ key })
  })

  it('TxnRequest', () => {
    const request: TxnRequest = {
      compare: [
        { key, target: 'Version', result: 'Equal', version: '0' },
        { key, range_end, target: 'Create', result: 'Less', create_revision: '300' },
        { key, target: 'Mod', result: 'Equal', mod_revision: LARGEST },
      ],
      success: [
        { request_range: { key, range_end } },
        { request_put: { key, value: Buffer.from('{}'), lease: '7587870000000000001' } },
        { request_delete_range: { key } },
      ],
    }
    const defaults = [{ result: 'Equal', target: 'Version' }, {}, { result: 'Equal' }]
    expect(withDefaults(decoded('TxnRequest', encodeTxnRequest(request)), defaults)).toEqual(request)
    expect(encodeTxnRequest({ compare: [], success: [] })).toHaveLength(0)
  })

  it('a put without an etcd lease', () => {
    const put = { key, value: Buffer.from('{}'), lease: '0' }
    const bytes = encodeTxnRequest({ compare: [], success: [{ request_put: put }] })
    const { lease, ...written } = put
    expect(decoded('TxnRequest', bytes)).toEqual({ success: [{ request_put: written }] })
  })

  it.each(NUMBERS)('LeaseGrantRequest, LeaseRevokeRequest, LeaseKeepAliveRequest with %s', (number) => {
    const field = (name: string) => (number === '0' ? {} : { [name]: number })
    expect(decoded('LeaseGrantRequest', encodeLeaseGrantRequest({ TTL: number }))).toEqual(field('TTL'))
    expect(decoded('LeaseRevokeRequest', encodeLeaseId({ ID: number }))).toEqual(field('ID'))
    expect(decoded('LeaseKeepAliveRequest', encodeLeaseId({ ID: number }))).toEqual(field('ID'))
  })

  it('WatchRequest', () => {
    const request = { create_request: { key, range_end, start_revision: '4711' } }
    expect(decoded('WatchRequest', encodeWatchRequest(request))).toEqual(request)
  })

  it('AuthenticateRequest', () => {
    const bytes = encodeAuthenticateRequest('nöde', 'pass wörd')
    expect(decoded('AuthenticateRequest', bytes)).toEqual({ name: 'nöde', password: 'pass wörd' })
  })
})

describe('what etcd sends is what we read:', () => {
  const header = { cluster_id: '14841639068965178418', member_id: '10276657743932975437', revision: '300' }
  const kv = {
    key,
    create_revision: '12',
    mod_revision: '9007199254740993',
    version: '3',
    value: Buffer.from('{"PublicIP":"192.0.2.1"}'),
    lease: '7587870000000000001',
  }
  const { version, ...read } = kv
  const readHeader = { cluster_id: header.cluster_id, revision: header.revision }

  it.each(NUMBERS)('RangeResponse at revision %s', (revision) => {
    const bytes = encoded('RangeResponse', {
      header: { ...header, revision },
      kvs: [kv, { key }],
      more: true,
      count: 2,
    })
    expect(decodeRangeResponse(bytes)).toEqual({
      header: { ...readHeader, revision },
      kvs: [read, { key, value: Buffer.alloc(0), create_revision: '0', mod_revision: '0', lease: '0' }],
      count: '2',
    })
  })

  it('an empty message', () => {
    const nothing = Buffer.alloc(0)
    expect(decodeRangeResponse(nothing)).toEqual({
      header: { cluster_id: '0', revision: '0' },
      kvs: [],
      count: '0',
    })
    expect(decodeAuthenticateResponse(nothing)).toBe('')
  })

  it('TxnResponse', () => {
    const bytes = encoded('TxnResponse', {
      header,
      succeeded: true,
      responses: [
        { response_range: { header, kvs: [kv] } },
        { response_put: { header, prev_kv: kv } },
        { response_range: {} },
      ],
    })
    expect(decodeTxnResponse(bytes)).toEqual({
      header: readHeader,
      succeeded: true,
      responses: [
        { response_range: { header: readHeader, kvs: [read], count: '0' } },
        {},
        { response_range: { header: { cluster_id: '0', revision: '0' }, kvs: [], count: '0' } },
      ],
    })
  })

  it('LeaseGrantResponse and LeaseKeepAliveResponse', () => {
    const granted = { ID: '7587870000000000001', TTL: '86400' }
    for (const name of ['LeaseGrantResponse', 'LeaseKeepAliveResponse']) {
      expect(decodeLeaseGrantResponse(encoded(name, { header, ...granted }))).toEqual(granted)
    }
    expect(decodeLeaseGrantResponse(encoded('LeaseKeepAliveResponse', { header, TTL: '-1' }))).toEqual({
      ID: '0',
      TTL: '-1',
    })
  })

  it('WatchResponse', () => {
    const told = {
      created: true,
      canceled: true,
      compact_revision: '70000',
      cancel_reason: 'etcdserver: mvcc: required revision has been compacted',
    }
    const bytes = encoded('WatchResponse', {
      header,
      watch_id: 1,
      ...told,
      events: [
        { type: 'PUT', kv },
        { type: 1, kv: { key, mod_revision: '13' }, prev_kv: kv },
      ],
    })
    expect(decodeWatchResponse(bytes)).toEqual({
      ...told,
      events: [
        { type: 'Put', kv: read },
        {
          type: 'Delete',
          kv: { key, mod_revision: '13', value: Buffer.alloc(0), create_revision: '0', lease: '0' },
        },
      ],
    })
  })

  it('AuthenticateResponse', () => {
    expect(decodeAuthenticateResponse(encoded('AuthenticateResponse', { header, token: 'abc.7' }))).toBe(
      'abc.7',
    )
  })

  it('nothing but whole messages', () => {
    const bytes = encoded('RangeResponse', { header, kvs: [kv] })
    for (let length = bytes.length - 1; length > bytes.length - 40; length -= 1) {
      expect(() => decodeRangeResponse(bytes.subarray(0, length))).toThrow(RangeError)
    }
    const garbage = [
      ['0a03228001', 'a length beyond the end of the inner message'],
      ['27', 'a wire type that there is not'],
      ['0801', 'a number where a message should be'],
      ['10', 'no number'],
      [`10${'ff'.repeat(10)}01`, 'a number of eleven bytes'],
    ]
    for (const [hex = '', what] of garbage) {
      expect(() => decodeTxnResponse(Buffer.from(hex, 'hex')), what).toThrow(RangeError)
    }
  })
})

/** With the fields that a message of proto3 leaves out, of the entries of `compare`. */
function withDefaults(txn: unknown, defaults: readonly object[]): unknown {
  const { compare, ...rest } = txn as { readonly compare: readonly object[] }
  return { ...rest, compare: compare.map((entry, index) => ({ ...defaults[index], ...entry })) }
}
