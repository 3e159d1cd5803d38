import { describe, expect, it } from 'vitest'
import { classify, EtcdFailure, type FailureKind } from './errors.js'

/** Seen with etcd 3.4.23, etcd3 1.1.2 and grpc-js 1.14.7. */
const seen: readonly (readonly [text: string, kind: FailureKind, said: string])[] = [
  [
    '14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ',
    'unavailable',
    'connect ECONNREFUSED 127.0.0.1:1',
  ],
  [
    '14 UNAVAILABLE: Name resolution failed for target dns:nosuchhost.invalid:2379',
    'unavailable',
    'Name resolution failed for target dns:nosuchhost.invalid:2379',
  ],
  [
    '4 DEADLINE_EXCEEDED: Deadline exceeded after 1.001s,metadata filters: 0.001s,remote_addr=127.0.0.1:23000',
    'unavailable',
    'no answer within 1.001 s',
  ],
  ['14 UNAVAILABLE: Connection dropped', 'unavailable', 'Connection dropped'],
  ['14 UNAVAILABLE: etcdserver: no leader', 'unavailable', 'etcdserver: no leader'],
  ['14 UNAVAILABLE: etcdserver: request timed out', 'unavailable', 'etcdserver: request timed out'],
  ['rpc error: code = Unavailable desc = etcdserver: no leader', 'unavailable', 'etcdserver: no leader'],
  ['8 RESOURCE_EXHAUSTED: etcdserver: too many requests', 'unavailable', 'etcdserver: too many requests'],
  [
    '8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded',
    'full',
    'etcdserver: mvcc: database space exceeded',
  ],
  [
    '14 UNAVAILABLE: No connection established. Last error: Error: certificate has expired. Resolution note: ',
    'untrusted',
    'certificate has expired',
  ],
  [
    '14 UNAVAILABLE: No connection established. Last error: Error: unable to verify the first certificate. Resolution note: ',
    'untrusted',
    'unable to verify the first certificate',
  ],
  [
    "14 UNAVAILABLE: No connection established. Last error: Error: Hostname/IP does not match certificate's altnames: IP: 10.0.0.1 is not in the cert's list: 127.0.0.1. Resolution note: ",
    'untrusted',
    "Hostname/IP does not match certificate's altnames: IP: 10.0.0.1 is not in the cert's list: 127.0.0.1",
  ],
  [
    '14 UNAVAILABLE: No connection established. Last error: 80EC24148D7F0000:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number 42\n (2026-11-21T06:00:45.238Z). Resolution note: ',
    'client-certificate',
    'TLS alert bad certificate',
  ],
  ['7 PERMISSION_DENIED: etcdserver: permission denied', 'denied', 'etcdserver: permission denied'],
  ['3 INVALID_ARGUMENT: etcdserver: user name is empty', 'denied', 'etcdserver: user name is empty'],
  [
    '3 INVALID_ARGUMENT: etcdserver: authentication failed, invalid user ID or password',
    'denied',
    'etcdserver: authentication failed, invalid user ID or password',
  ],
  [
    'rpc error: code = Unauthenticated desc = etcdserver: invalid auth token',
    'token',
    'etcdserver: invalid auth token',
  ],
  [
    '3 INVALID_ARGUMENT: etcdserver: revision of auth store is old',
    'token',
    'etcdserver: revision of auth store is old',
  ],
  [
    '9 FAILED_PRECONDITION: etcdserver: authentication is not enabled',
    'auth-off',
    'etcdserver: authentication is not enabled',
  ],
  [
    '11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted',
    'compacted',
    'etcdserver: mvcc: required revision has been compacted',
  ],
  [
    'Lease 5 NOT_FOUND: etcdserver: requested lease not found is expired or revoked',
    'lease-gone',
    'Lease 5 NOT_FOUND: etcdserver: requested lease not found is expired or revoked',
  ],
  [
    'Tried to call a KV method on etcd3, but the client was already closed',
    'closed',
    'Tried to call a KV method on etcd3, but the client was already closed',
  ],
  ['3 INVALID_ARGUMENT: etcdserver: request is too large', 'refused', 'etcdserver: request is too large'],
]

describe('classify', () => {
  it.each(seen)('%s', (text, kind, said) => {
    const error = new Error(text)
    expect(classify(error)).toEqual({ kind, said, cause: error })
  })

  it('keeps a failure that is classified already, and takes text', () => {
    expect(classify(new EtcdFailure('compacted', 'gone'))).toMatchObject({ kind: 'compacted', said: 'gone' })
    expect(classify('14 UNAVAILABLE: text')).toMatchObject({ kind: 'unavailable', said: 'text' })
  })
})
