import { parseNetworkConfig } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { checkBackend } from './backend-check.js'

const { signal } = new AbortController()
const NETWORK = { Network: '10.244.0.0/16' }
const DUAL = { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd44::/48' }

/** As a file holds it: JSON, in which a number may be as large as one likes. */
const check = async (backend: string, network: object = NETWORK): Promise<readonly string[]> => {
  const text = `{"Backend": ${backend}, ${JSON.stringify(network).slice(1)}`
  return checkBackend(parseNetworkConfig(text), signal)
}

/** What no terminal should be sent. */
const UNSAFE = /[\p{Cc}\u202e\u2066]/u

const tooLong = `"${'9'.repeat(100_000)}"`

describe.each([
  ['VNI', ['-1', '16777216', '1.5', '"1"', 'true', '[]', '{}', '1e999', '9007199254740993', tooLong]],
  ['Port', ['-1', '65536', '8472.5', '"8472"', '[8472]', '1e999', tooLong]],
  ['MTU', ['-1', '65536', '"1450"', 'false', '-1e999', '"\\u001b[2J"']],
  ['GBP', ['1', '"true"', '[]', '"\\u001b]0;title\\u0007"']],
  ['Learning', ['0', '"yes"', '{"a": {"b": []}}']],
  ['DirectRouting', ['"\\u202etrue"', '2', '[true]']],
])('vxlan takes no %s of another kind or range', (key, values) => {
  test.each(values)('%#', async (value) => {
    // Go's keys match in any case, and the last counts.
    for (const name of [key, key.toLowerCase()]) {
      const failure = await check(`{"Type": "vxlan", "${name}": ${value}}`).catch((error) => error)
      expect(failure).toMatchObject({
        code: 'INVALID_CONFIG',
        message: expect.stringMatching(
          new RegExp(`in the vxlan settings, ${name} is |a number that is too large`),
        ),
      })
      expect(failure.message).not.toMatch(UNSAFE)
      expect(failure.message.length).toBeLessThan(400)
    }
  })
})

test.each([
  [NETWORK, 9_999_999, 10_000_000],
  [DUAL, 9_999, 10_000],
])('a VNI is part of a name of at most 15 bytes: %#', async (network, largest, tooLarge) => {
  expect(await check(`{"Type": "vxlan", "VNI": ${largest}}`, network)).toEqual([])
  await expect(check(`{"Type": "vxlan", "VNI": ${tooLarge}}`, network)).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringMatching(/VNI is 10+, but must be .*: the device's name, flannel[-v6]*\.(10+|VNI)/),
  })
})

test.each([
  '{"Type": "vxlan"}',
  '{"Type": "vxlan", "VNI": 4096, "Port": 4789, "MTU": 9000, "GBP": true, "Learning": false}',
  '{"type": "vxlan", "vni": 0, "PORT": 0, "mtu": 0, "directrouting": true}',
  '{"Type": "vxlan", "VNI": null, "Port": null, "GBP": null}',
  '{"Type": "vxlan", "VNI": 7, "VNI": 8}',
  '{"Type": "host-gw"}',
  '{"Type": "alloc"}',
])('nothing is to be said of %s, in a network of either family or both', async (backend) => {
  expect(await check(backend)).toEqual([])
  expect(await check(backend, DUAL)).toEqual([])
  expect(await check(backend, { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd44::/48' })).toEqual([])
})

test.each([
  ['vxlan', 'VNI, Port, MTU, GBP, Learning, DirectRouting'],
  ['host-gw', 'none'],
  ['alloc', 'none'],
])('of %s, each key that it does not have is named, and safe to print', async (type, known) => {
  const hostile = {
    Vnl: 7,
    constructor: { prototype: null },
    '\u001b[2J\u0007': '\u009b31m',
    '\u202eINV': -1,
    [' '.repeat(5_000)]: [[[]]],
    toString: null,
  }
  const others = JSON.stringify(hostile).slice(1)
  const warnings = await check(`{"Type": "${type}", "__proto__": {"VNI": "evil"}, ${others}`)
  expect(warnings).toHaveLength(7)
  for (const warning of warnings) {
    expect(warning).toMatch(
      new RegExp(`^in the ${type} settings, the key .* means nothing; known keys: ${known}$`),
    )
    expect(warning).not.toMatch(UNSAFE)
    expect(warning.length).toBeLessThan(400)
  }
  expect(({} as { VNI?: unknown }).VNI).toBeUndefined()
})

test.each([
  '"vxlam"',
  '"VXLAN"',
  '" vxlan"',
  '"toString"',
  '"__proto__"',
  '"\\u001b[2Jvxlan"',
  '"vxlan\\u0000"',
  tooLong,
])('no backend of another name is taken: %#', async (type) => {
  const failure = await check(`{"Type": ${type}}`).catch((error) => error)
  expect(failure).toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining('tencent-vpc, alloc'),
  })
  expect(failure.message).not.toMatch(UNSAFE)
  expect(failure.message.length).toBeLessThan(500)
})
