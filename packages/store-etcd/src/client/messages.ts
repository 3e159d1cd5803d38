import type {
  Compare,
  KeyRange,
  KeyValue,
  Operation,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  TxnRequest,
  TxnResponse,
  WatchCreateRequest,
  WatchEvent,
  WatchResponse,
} from './api.js'
import { MessageReader, MessageWriter } from './protobuf.js'

/*
 * etcd's messages in bytes. Field numbers are those of api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto. Fields that we
 * do not use are neither written nor read.
 */

const EMPTY = Buffer.alloc(0)

const message = (): MessageWriter => new MessageWriter()

const keyRange = ({ key, range_end }: KeyRange): MessageWriter => message().bytes(1, key).bytes(2, range_end)

export const encodeRangeRequest = (request: RangeRequest): Buffer =>
  keyRange(request).int64(3, request.limit).int64(10, request.min_mod_revision).finish()

export function encodeTxnRequest({ compare, success }: TxnRequest): Buffer {
  const txn = message()
  for (const condition of compare) txn.message(1, encodeCompare(condition))
  for (const operation of success) txn.message(2, encodeOperation(operation))
  return txn.finish()
}

const RESULTS = { Equal: 0, Less: 2 } as const
const TARGETS = { Version: 0, Create: 1, Mod: 2 } as const

function encodeCompare(compare: Compare): Buffer {
  const condition = message()
    .int64(1, RESULTS[compare.result])
    .int64(2, TARGETS[compare.target])
    .bytes(3, compare.key)
  switch (compare.target) {
    case 'Version':
      condition.int64InUnion(4, compare.version)
      break
    case 'Create':
      condition.int64InUnion(5, compare.create_revision)
      break
    case 'Mod':
      condition.int64InUnion(6, compare.mod_revision)
  }
  return condition.bytes(64, compare.range_end).finish()
}

function encodeOperation(operation: Operation): Buffer {
  if ('request_range' in operation) {
    return message().message(1, encodeRangeRequest(operation.request_range)).finish()
  }
  if ('request_put' in operation) {
    const { key, value, lease } = operation.request_put
    return message().message(2, message().bytes(1, key).bytes(2, value).int64(3, lease).finish()).finish()
  }
  return message().message(3, keyRange(operation.request_delete_range).finish()).finish()
}

export const encodeLeaseGrantRequest = ({ TTL }: { readonly TTL: string }): Buffer =>
  message().int64(1, TTL).finish()

/** Of a LeaseRevokeRequest, and of a LeaseKeepAliveRequest. */
export const encodeLeaseId = ({ ID }: { readonly ID: string }): Buffer => message().int64(1, ID).finish()

export function encodeWatchRequest({
  create_request,
}: {
  readonly create_request: WatchCreateRequest
}): Buffer {
  const create = keyRange(create_request).int64(3, create_request.start_revision)
  return message().message(1, create.finish()).finish()
}

export const encodeAuthenticateRequest = (name: string, password: string): Buffer =>
  message().bytes(1, Buffer.from(name)).bytes(2, Buffer.from(password)).finish()

export const decodeRangeResponse = (bytes: Buffer): RangeResponse => readRange(new MessageReader(bytes))

export function decodeTxnResponse(bytes: Buffer): TxnResponse {
  const reader = new MessageReader(bytes)
  let header = NO_HEADER
  let succeeded = false
  const responses: { response_range?: RangeResponse }[] = []
  while (reader.next()) {
    if (reader.field === 1) header = readHeader(reader.message())
    else if (reader.field === 2) succeeded = reader.uint32() !== 0
    else if (reader.field === 3) responses.push(readResponse(reader.message()))
  }
  return { header, succeeded, responses }
}

/** Also of a LeaseKeepAliveResponse: its numbers are the same. */
export function decodeLeaseGrantResponse(bytes: Buffer): { readonly ID: string; readonly TTL: string } {
  const reader = new MessageReader(bytes)
  let ID = '0'
  let TTL = '0'
  while (reader.next()) {
    if (reader.field === 2) ID = reader.int64()
    else if (reader.field === 3) TTL = reader.int64()
  }
  return { ID, TTL }
}

export function decodeWatchResponse(bytes: Buffer): WatchResponse {
  const reader = new MessageReader(bytes)
  let created = false
  let canceled = false
  let compact_revision = '0'
  let cancel_reason = ''
  const events: WatchEvent[] = []
  while (reader.next()) {
    if (reader.field === 3) created = reader.uint32() !== 0
    else if (reader.field === 4) canceled = reader.uint32() !== 0
    else if (reader.field === 5) compact_revision = reader.int64()
    else if (reader.field === 6) cancel_reason = reader.text()
    else if (reader.field === 11) events.push(readEvent(reader.message()))
  }
  return { created, canceled, compact_revision, cancel_reason, events }
}

/** The token of an AuthenticateResponse. */
export function decodeAuthenticateResponse(bytes: Buffer): string {
  const reader = new MessageReader(bytes)
  let token = ''
  while (reader.next()) if (reader.field === 2) token = reader.text()
  return token
}

const NO_HEADER: ResponseHeader = { cluster_id: '0', revision: '0' }

function readHeader(reader: MessageReader): ResponseHeader {
  let { cluster_id, revision } = NO_HEADER
  while (reader.next()) {
    if (reader.field === 1) cluster_id = reader.uint64()
    else if (reader.field === 3) revision = reader.int64()
  }
  return { cluster_id, revision }
}

function readResponse(reader: MessageReader): { response_range?: RangeResponse } {
  const response: { response_range?: RangeResponse } = {}
  while (reader.next()) if (reader.field === 1) response.response_range = readRange(reader.message())
  return response
}

function readRange(reader: MessageReader): RangeResponse {
  let header = NO_HEADER
  const kvs: KeyValue[] = []
  let count = '0'
  while (reader.next()) {
    if (reader.field === 1) header = readHeader(reader.message())
    else if (reader.field === 2) kvs.push(readKeyValue(reader.message()))
    else if (reader.field === 4) count = reader.int64()
  }
  return { header, kvs, count }
}

function readEvent(reader: MessageReader): WatchEvent {
  let type: WatchEvent['type'] = 'Put'
  let kv = NO_KEY_VALUE
  while (reader.next()) {
    if (reader.field === 1) type = reader.uint32() === 0 ? 'Put' : 'Delete'
    else if (reader.field === 2) kv = readKeyValue(reader.message())
  }
  return { type, kv }
}

const NO_KEY_VALUE: KeyValue = {
  key: EMPTY,
  value: EMPTY,
  create_revision: '0',
  mod_revision: '0',
  lease: '0',
}

function readKeyValue(reader: MessageReader): KeyValue {
  let { key, value, create_revision, mod_revision, lease } = NO_KEY_VALUE
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        key = reader.bytes()
        break
      case 2:
        create_revision = reader.int64()
        break
      case 3:
        mod_revision = reader.int64()
        break
      case 5:
        value = reader.bytes()
        break
      case 6:
        lease = reader.int64()
    }
  }
  return { key, value, create_revision, mod_revision, lease }
}
