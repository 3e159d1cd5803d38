import { parseNetworkConfig } from '@selvedge/core'
import { describe, expect, it, test } from 'vitest'
import { readSettings, SECTION } from './settings.js'

const configOf = (section: object, more: object = {}) =>
  parseNetworkConfig({ Network: '10.244.0.0/16', ...more, Backend: { Type: 'tencent-vpc', ...section } })

test('nothing but the type is a config', () => {
  expect(readSettings(configOf({}))).toEqual({
    credentials: undefined,
    region: undefined,
    routeTables: undefined,
    endpoint: undefined,
    pollMs: undefined,
  })
})

test("flannel's keys and our own, in any case", () => {
  const section = {
    accesskeyid: 'AKIDx',
    ACCESSKEYSECRET: 'y',
    region: 'ap-guangzhou',
    routeTableId: ['rtb-1', 'rtb-1', 'rtb-2'],
    EndPoint: 'vpc.internal.tencentcloudapi.com',
    pollInterval: 5,
  }
  expect(readSettings(configOf(section))).toEqual({
    credentials: { secretId: 'AKIDx', secretKey: 'y' },
    region: 'ap-guangzhou',
    routeTables: ['rtb-1', 'rtb-2'],
    endpoint: 'vpc.internal.tencentcloudapi.com',
    pollMs: 5_000,
  })
})

test('empty texts and null, as a template leaves them, count as absent', () => {
  const empty = { AccessKeyID: '', AccessKeySecret: null, Region: '', RouteTableID: '', Endpoint: '' }
  expect(readSettings(configOf(empty))).toEqual(readSettings(configOf({})))
  expect(readSettings(configOf({ RouteTableID: [] })).routeTables).toBeUndefined()
})

describe('what breaks a rule is named:', () => {
  it.each<[what: string, section: object, says: RegExp]>([
    ['one key of the two', { AccessKeyID: 'AKIDx' }, /AccessKeySecret is missing/],
    ['the other', { AccessKeySecret: 's3cret' }, /AccessKeyID is missing/],
    [
      'a key with a line break',
      { AccessKeyID: 'a', AccessKeySecret: 's3cret\n' },
      /AccessKeySecret is text, but must/,
    ],
    ['a key that is a number', { AccessKeyID: 7, AccessKeySecret: 's3cret' }, /AccessKeyID is a number/],
    ['a key that is a list', { AccessKeyID: 'a', AccessKeySecret: ['s3cret'] }, /AccessKeySecret is a list/],
    ['a region with a path', { Region: 'a/b' }, /Region is "a\/b", but must be a region/],
    ['a table of another kind', { RouteTableID: 'vpc-1' }, /RouteTableID is "vpc-1"/],
    ['a list of other things', { RouteTableID: ['rtb-1', 7] }, /RouteTableID is .* must be the id/],
    ['an endpoint with a path', { Endpoint: 'https://example.org/x' }, /Endpoint is .* must be a host name/],
    ['an endpoint with a user', { Endpoint: 'https://me@example.org' }, /Endpoint is .* must be a host name/],
    [
      'an interval of nothing',
      { PollInterval: 0 },
      /PollInterval is 0, but must be a whole number from 1 to 3600/,
    ],
  ])('%s', (_what, section, says) => {
    const reading = () => readSettings(configOf(section))
    expect(reading).toThrow(says)
    expect(reading).not.toThrow(/s3cret/)
  })

  it.each([
    ['of both families', { EnableIPv6: true, IPv6Network: 'fd00:244::/48' }],
    ['of IPv6 alone', { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00:244::/48' }],
  ])('a network %s', (_what, more) => {
    expect(() => readSettings(configOf({}, more))).toThrow(/IPv4 alone.*set EnableIPv6 to false/)
  })
})

test('a mistyped key is a warning, without its value', () => {
  const [warning, ...others] = SECTION.warnings(configOf({ AccesKeySecret: 's3cret' }))
  expect(warning).toContain('AccesKeySecret means nothing')
  expect(warning).not.toContain('s3cret')
  expect(others).toEqual([])
})
