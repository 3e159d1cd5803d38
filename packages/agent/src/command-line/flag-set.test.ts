import { describe, expect, test } from 'vitest'
import {
  booleanFlag,
  durationFlag,
  integerFlag,
  listFlag,
  parseFlags,
  secretFlag,
  stringFlag,
  UsageError,
} from './flag-set.js'

const table = {
  'etcd-prefix': stringFlag('/coreos.com/network', ''),
  'etcd-password': secretFlag(''),
  'healthz-port': integerFlag(0, ''),
  'ip-masq': booleanFlag(false, ''),
  forward: booleanFlag(true, ''),
  ttl: durationFlag(1000, ''),
  iface: listFlag(''),
  version: booleanFlag(false, ''),
}

const defaults = {
  'etcd-prefix': '/coreos.com/network',
  'etcd-password': '',
  'healthz-port': 0,
  'ip-masq': false,
  forward: true,
  ttl: 1000,
  iface: [],
  version: false,
}

function parse(args: string[], variables: Record<string, string> = {}) {
  return parseFlags(table, args, { prefix: 'FLANNELD', variables, except: ['version'] })
}

describe('a command line gives', () => {
  test.each<[string, string[], Partial<typeof defaults> | Record<string, unknown>]>([
    ['nothing', [], {}],
    ['one dash and a space', ['-etcd-prefix', '/a'], { 'etcd-prefix': '/a' }],
    ['two dashes and a space', ['--etcd-prefix', '/a'], { 'etcd-prefix': '/a' }],
    ['one dash and an equals sign', ['-etcd-prefix=/a'], { 'etcd-prefix': '/a' }],
    ['two dashes and an equals sign', ['--etcd-prefix=/a'], { 'etcd-prefix': '/a' }],
    ['an equals sign in the value', ['--etcd-prefix=a=b'], { 'etcd-prefix': 'a=b' }],
    ['an empty value', ['--etcd-prefix='], { 'etcd-prefix': '' }],
    ['a value that looks like a flag', ['--etcd-prefix', '--ip-masq'], { 'etcd-prefix': '--ip-masq' }],
    ['a value of two lines', ['--etcd-prefix=a\nb'], { 'etcd-prefix': 'a\nb' }],
    ['a bare boolean', ['--ip-masq'], { 'ip-masq': true }],
    ['a boolean with a value', ['--ip-masq=true', '-forward=0'], { 'ip-masq': true, forward: false }],
    ['an integer', ['--healthz-port', '0x50'], { 'healthz-port': 80 }],
    ['a duration', ['--ttl=1m30s'], { ttl: 90_000 }],
    ['the last of several', ['--healthz-port=1', '--healthz-port=2'], { 'healthz-port': 2 }],
    ['every one of a list, in order', ['--iface=eth1', '-iface', 'eth0'], { iface: ['eth1', 'eth0'] }],
  ])('%s', (_, args, expected) => {
    expect(parse(args).values).toEqual({ ...defaults, ...expected })
  })

  test.each([['-h'], ['--help'], ['-help']])('a request for help: %s', (arg) => {
    expect(parse([arg]).help).toBe(true)
  })
})

test.each([
  [
    ['--etcd-password=hunter2', '--ip-masq'],
    ['--etcd-password=[redacted]', '--ip-masq'],
  ],
  [
    ['-etcd-password', 'hunter2', '-healthz-port', '1'],
    ['-etcd-password', '[redacted]', '-healthz-port', '1'],
  ],
  [['--etcd-password='], ['--etcd-password=[redacted]']],
  [
    ['--etcd-prefix=/a=b', '--etcd-password=a=b'],
    ['--etcd-prefix=/a=b', '--etcd-password=[redacted]'],
  ],
])('for showing it, a command line has no secrets: %j', (args, shown) => {
  expect(parse(args).safeArgs).toEqual(shown)
})

describe('the environment', () => {
  test('gives what the command line does not', () => {
    const { values, given } = parse(['--healthz-port=1'], {
      FLANNELD_HEALTHZ_PORT: '2',
      FLANNELD_ETCD_PREFIX: '/b',
      FLANNELD_IP_MASQ: 'true',
      FLANNELD_IFACE: 'eth1',
    })
    expect(values).toEqual({
      ...defaults,
      'healthz-port': 1,
      'etcd-prefix': '/b',
      'ip-masq': true,
      iface: ['eth1'],
    })
    expect([...given].sort()).toEqual(['etcd-prefix', 'healthz-port', 'iface', 'ip-masq'])
  })

  test('does not add to a list that the command line gives', () => {
    expect(parse(['--iface=eth0'], { FLANNELD_IFACE: 'eth1' }).values.iface).toEqual(['eth0'])
  })

  test('sets nothing by an empty variable, by one of another prefix, or for an excepted flag', () => {
    const { values } = parse([], { FLANNELD_ETCD_PREFIX: '', ETCD_PREFIX: '/b', FLANNELD_VERSION: 'v0.20.2' })
    expect(values).toEqual(defaults)
  })
})

describe('refused, by name:', () => {
  test.each([
    [['--etcd-prefx=/a'], 'unknown flag: -etcd-prefx'],
    [['-hasOwnProperty'], 'unknown flag: -hasOwnProperty'],
    [['--etcd-prefix'], 'flag -etcd-prefix needs a value'],
    [['--healthz-port=eighty'], 'invalid value "eighty" for flag -healthz-port: it must be a whole number'],
    [['--ip-masq=maybe'], 'invalid value "maybe" for flag -ip-masq: it must be true or false'],
    [['--ttl=60'], 'invalid value "60" for flag -ttl: it must be a duration such as 90s or 1h30m'],
    [
      ['--ip-masq', 'true'],
      'argument "true" is not a flag; a boolean is given as --x or --x=false, never as --x false',
    ],
    [['eth0'], 'argument "eth0" is not a flag'],
    [['---iface=eth0'], 'argument "---iface=eth0" is not a flag'],
    [['--=x'], 'argument "--=x" is not a flag'],
  ])('%j', (args, message) => {
    expect(() => parse(args)).toThrow(new UsageError(message))
  })

  test('a variable with a bad value', () => {
    expect(() => parse([], { FLANNELD_HEALTHZ_PORT: 'x' })).toThrow(
      'invalid value "x" for environment variable FLANNELD_HEALTHZ_PORT: it must be a whole number',
    )
  })

  test('what follows a secret, without showing it', () => {
    expect(() => parse(['--etcd-password', 'correct', 'horse'])).toThrow(
      'an argument (not shown, since it follows a secret) is not a flag',
    )
  })
})
