import type { JsonValue, Lease, LeaseAttributes, Random } from '@selvedge/core'

/** As deep as a record may be, so that what a backend recurses into does not overflow. */
const nested = (depth: number): JsonValue => (depth === 0 ? 'deep' : [{ a: nested(depth - 1) }])

/** Values that have broken readers of JSON before. */
const ODD_VALUES: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  1e21,
  2 ** 24,
  2 ** 32,
  '',
  ' ',
  'null',
  '1',
  'c6:d2:32:6f:8f',
  'c6:d2:32:6f:8f:44:00',
  '00:00:00:00:00:00',
  '01:00:5e:00:00:01',
  'ff:ff:ff:ff:ff:ff',
  'zz:zz:zz:zz:zz:zz',
  '10.0.0.1',
  '0.0.0.0',
  '::',
  '\u0000',
  '\ud800',
  'x'.repeat(1000),
  'x'.repeat(60_000),
  nested(14),
  Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`key${index}`, index])),
  [],
  [[]],
  {},
  { VNI: {} },
]

const oneOf = <T>(random: Random, values: readonly T[]): T | undefined =>
  values[Math.floor(random() * values.length)]

/** A lease like `lease` but for one random field, which no node of this backend would have published. */
export function malformed(lease: Lease, random: Random): Lease {
  const { attributes } = lease
  const changes: readonly (() => LeaseAttributes)[] = [
    () => ({ ...attributes, backendData: mutated(attributes.backendData, random) }),
    () => ({ ...attributes, backendV6Data: mutated(attributes.backendV6Data, random) }),
    () => ({ ...attributes, backendData: undefined }),
    () => ({ ...attributes, backendV6Data: undefined }),
    () => ({ ...attributes, backendData: undefined, backendV6Data: undefined }),
    () => ({ ...attributes, publicIp: undefined }),
    () => ({ ...attributes, publicIpv6: undefined }),
    () => ({ ...attributes, publicIp: undefined, publicIpv6: undefined }),
    // Addresses at which no node can be reached.
    () => ({
      ...attributes,
      publicIp: oneOf(random, ['127.0.0.1', '224.0.0.1', '255.255.255.255', '203.0.113.9']),
    }),
    () => ({ ...attributes, publicIpv6: oneOf(random, ['::1', 'ff02::1', 'fe80::1', '2001:db8:ffff::9']) }),
  ]
  const change = oneOf(random, changes)
  return { ...lease, attributes: change === undefined ? attributes : change() }
}

/** The value, or one inside it, removed, renamed or replaced by an odd one. */
function mutated(value: JsonValue | undefined, random: Random): JsonValue | undefined {
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  const target = oneOf(random, entries)
  const odd = oneOf(random, ODD_VALUES)
  if (target === undefined || random() < 0.2) return odd
  const [key, inner] = target
  const rest = entries.filter(([other]) => other !== key)
  const kinds: readonly (() => [string, JsonValue | undefined][])[] = [
    () => [[key, odd]],
    () => [],
    () => [[`${key}x`, inner]],
    () => [[key, typeof inner === 'string' ? spoiled(inner, random) : odd]],
    () => [
      [key, inner],
      [key.toLowerCase(), odd],
    ],
  ]
  return Object.fromEntries([...rest, ...(oneOf(random, kinds)?.() ?? [])]) as JsonValue
}

/** Text with a character lost, doubled or replaced. */
function spoiled(text: string, random: Random): string {
  const at = Math.floor(random() * text.length)
  const instead = oneOf(random, ['', 'g', ':', '\u0000', text.slice(at, at + 1).repeat(2)]) ?? ''
  return text.slice(0, at) + instead + text.slice(at + 1)
}
