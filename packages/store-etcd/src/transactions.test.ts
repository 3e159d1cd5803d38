import type { ICompare, IKeyValue, IRequestOp } from 'etcd3'
import { describe, expect, it } from 'vitest'
import { NetworkKeys } from './keys.js'
import { createLease, deleteLease, rewriteLease, type Transaction } from './transactions.js'

const keys = new NetworkKeys('/n')
const attributes = { publicIp: '192.0.2.1', backendType: 'host-gw' }
const VALUE = '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"host-gw"}'
const ipv4 = { subnet: '10.5.52.0/24' }
const dual = { ...ipv4, ipv6Subnet: 'fd00:0:0:7::/64' }

const stored = (key: string, mod_revision: string, lease: string): IKeyValue => ({
  key: Buffer.from(key),
  value: Buffer.from(VALUE),
  create_revision: '1',
  mod_revision,
  version: '1',
  lease,
})

/** A transaction in plain text. */
function shown(txn: Transaction | undefined): string[] | undefined {
  return txn && [...txn.compare.map(showCompare), ...txn.success.map(showOperation)]
}

function showCompare(compare: ICompare): string {
  const { key, range_end, target } = compare
  const at = range_end === undefined ? `${key}` : `all of ${key} to ${range_end}`
  if (target === 'Version') return `if version of ${at} = ${compare.version}`
  if (target === 'Create') return `if creation of ${at} < ${compare.create_revision}`
  return `if revision of ${at} ${compare.result === 'Less' ? '<' : '='} ${compare.mod_revision}`
}

function showOperation({ request_put, request_delete_range }: IRequestOp): string {
  if (request_put === undefined) return `delete ${request_delete_range?.key}`
  const { key, value, lease } = request_put
  return `put ${key} = ${value} on ${lease}`
}

describe('createLease', () => {
  const lease = { attributes, etcdLease: '77', listedAt: 40n, alone: true, replaces: [] }

  it('of IPv4: if there is no lease at that address', () => {
    expect(shown(createLease(keys, { ...lease, subnets: ipv4 }))).toEqual([
      'if version of /n/subnets/10.5.52.0-24 = 0',
      'if creation of all of /n/subnets/10.5.52.0- to /n/subnets/10.5.52.0. < 41',
      `put /n/subnets/10.5.52.0-24 = ${VALUE} on 77`,
    ])
  })

  it('of both families: nor has anybody claimed the IPv6 subnet, or joined at all', () => {
    expect(shown(createLease(keys, { ...lease, subnets: dual }))).toEqual([
      'if version of /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 = 0',
      'if creation of all of /n/subnets/10.5.52.0- to /n/subnets/10.5.52.0. < 41',
      'if revision of /n/ipv6-claims/fd00:0:0:7::-64 < 41',
      'if creation of all of /n/subnets/ to /n/subnets0 < 41',
      `put /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 = ${VALUE} on 77`,
      'put /n/ipv6-claims/fd00:0:0:7::-64 = /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 on 77',
    ])
  })

  it('of IPv6, when many join: if no node has claimed the subnet', () => {
    const txn = createLease(keys, { ...lease, subnets: { ipv6Subnet: dual.ipv6Subnet }, alone: false })
    expect(shown(txn)).toEqual([
      'if version of /n/subnets/0.0.0.0-0&fd00:0:0:7::-64 = 0',
      'if revision of /n/ipv6-claims/fd00:0:0:7::-64 < 41',
      `put /n/subnets/0.0.0.0-0&fd00:0:0:7::-64 = ${VALUE} on 77`,
      'put /n/ipv6-claims/fd00:0:0:7::-64 = /n/subnets/0.0.0.0-0&fd00:0:0:7::-64 on 77',
    ])
  })

  it('in place of another: that is as it was, and goes', () => {
    const replaces = [stored('/n/subnets/10.1.1.0-24', '9', '5')]
    const txn = shown(createLease(keys, { ...lease, subnets: ipv4, replaces }))
    expect(txn).toContain('if revision of /n/subnets/10.1.1.0-24 = 9')
    expect(txn?.at(-1)).toBe('delete /n/subnets/10.1.1.0-24')
  })
})

describe('rewriteLease', () => {
  const was = stored('/n/subnets/10.5.52.0-24&fd00:0:0:7::-64', '9', '5')
  const lease = { was, subnets: dual, replaces: [] }

  it('writes nothing where nothing changes', () => {
    expect(rewriteLease(keys, { ...lease, etcdLease: '5' })).toBeUndefined()
  })

  it('writes attributes onto the etcd lease there is', () => {
    expect(shown(rewriteLease(keys, { ...lease, attributes, etcdLease: '5' }))).toEqual([
      'if revision of /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 = 9',
      `put /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 = ${VALUE} on 5`,
    ])
  })

  it('takes the claim along to another etcd lease', () => {
    expect(shown(rewriteLease(keys, { ...lease, etcdLease: '6' }))).toEqual([
      'if revision of /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 = 9',
      `put /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 = ${VALUE} on 6`,
      'put /n/ipv6-claims/fd00:0:0:7::-64 = /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 on 6',
    ])
  })

  it('deletes what the lease replaces, though it stays as it is', () => {
    const replaces = [stored('/n/subnets/10.1.1.0-24', '3', '4')]
    expect(shown(rewriteLease(keys, { ...lease, etcdLease: '5', replaces }))).toEqual([
      'if revision of /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 = 9',
      'if revision of /n/subnets/10.1.1.0-24 = 3',
      'delete /n/subnets/10.1.1.0-24',
    ])
  })
})

describe('deleteLease', () => {
  it('deletes the lease as it was read, and its claim', () => {
    const was = stored('/n/subnets/10.5.52.0-24&fd00:0:0:7::-64', '9', '5')
    expect(shown(deleteLease(keys, was, dual))).toEqual([
      'if revision of /n/subnets/10.5.52.0-24&fd00:0:0:7::-64 = 9',
      'delete /n/subnets/10.5.52.0-24&fd00:0:0:7::-64',
      'delete /n/ipv6-claims/fd00:0:0:7::-64',
    ])
  })
})
