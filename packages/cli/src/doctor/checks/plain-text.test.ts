import { expect, test } from 'vitest'
import type { Facts } from '../facts/facts.js'
import { readPolicies } from '../facts/policies.js'
import { addressIn } from '../facts/ways.js'
import { plainTextChecks, policyFinder } from './plain-text.js'

/** As `ip xfrm policy list nosock dir out` prints those of a host that is well. */
const WELL = `src 10.5.1.0/24 dst 10.5.1.0/24 
\tdir out priority 1579080160 ptype main 
src 10.5.1.0/24 dst 10.5.0.0/16 
\tdir out action block priority 1579080161 ptype main 
src 10.5.1.0/24 dst 10.5.2.0/24 
\tdir out priority 0 ptype main 
\ttmpl src 192.0.2.1 dst 192.0.2.2
\t\tproto esp reqid 1 mode tunnel
src fd01:0:0:1::/64 dst fd01:0:0:2::/64 
\tdir out priority 0 ptype main 
\ttmpl src 2001:db8::1 dst 2001:db8::2
\t\tproto esp reqid 2 mode tunnel
`
const bypass = (priority: number, more = '', destination = '10.5.2.0/24') =>
  `src 10.5.1.0/24 dst ${destination} ${more}\n\tdir out priority ${priority} ptype main \n`
const TUNNEL = WELL.slice(WELL.indexOf('src 10.5.1.0/24 dst 10.5.2'), WELL.indexOf('src fd01'))
const BLOCK = WELL.slice(WELL.indexOf('src 10.5.1.0/24 dst 10.5.0'), WELL.indexOf(TUNNEL))

const PEERS = ['10.5.2.0/24', 'fd01:0:0:2::/64']
const entries = [{ state: 'held', resource: { kind: 'ike-daemon', key: 'ike-daemon charon' }, owners: [] }]
const own = { key: '10.5.1.0-24', subnet: '10.5.1.0/24', ipv6Subnet: 'fd01:0:0:1::/64' }
const page = {
  own: own.key,
  externalInterface: 'eth0',
  leases: [own, { key: '10.5.2.0-24', subnet: PEERS[0], ipv6Subnet: PEERS[1] }],
  entries,
}

/** What the check says of a host of ipsec whose packets to the peer's subnets leave by `device`. */
function findings({ policies = WELL, device = 'eth0', backend = 'ipsec', sysctls = {}, more = {} } = {}) {
  const facts = {
    store: undefined,
    agent: undefined,
    asked: { backend, networks: [] },
    network: { links: [{ ifname: 'eth0' }] },
    driver: { external: { name: 'eth0' } },
    sysctls: new Map(Object.entries(sysctls)),
    ways: new Map(PEERS.map((subnet) => [addressIn(subnet), { device }])),
    desired: { source: 'agent', page: { ...page, ...more } },
    policies: readPolicies(policies),
  } as unknown as Facts
  return plainTextChecks.flatMap(({ find }) => find(facts))
}

const without = (text: string, ...parts: string[]): string =>
  parts.reduce((rest, part) => rest.replace(part, ''), text)

test.each<[name: string, policies: string]>([
  ['policies encrypt', WELL],
  ['what passes by comes later', WELL + bypass(7)],
  [
    'it is for one port alone',
    bypass(0, 'proto udp dport 53 ') + WELL.replaceAll('priority 0', 'priority 10'),
  ],
  [
    'it is for marked packets alone',
    `${bypass(0)}\tmark 0x1/0xff \n${WELL.replaceAll('priority 0', 'priority 10')}`,
  ],
  ['it is for another subnet', WELL + bypass(0, '', '10.5.9.0/24')],
  ['the one that encrypts is missing, and the rest is blocked', without(WELL, TUNNEL)],
  ['a policy of no sense', `${WELL}src here dst there \n\tdir out priority 0 ptype main \n`],
])('nothing is found if %s', (_, policies) => {
  expect(findings({ policies })).toEqual([])
})

test.each<[name: string, policies: string, says: RegExp, remedy: RegExp]>([
  ['what passes by has the same priority', bypass(0) + WELL, /may, as the older/, /^ip xfrm policy delete/],
  [
    'a policy comes first that lets packets pass',
    WELL.replace('priority 0', 'priority 10') + bypass(5),
    /priority 5, from 10\.5\.1\.0\/24 to 10\.5\.2\.0\/24, lets packets to 10\.5\.2\.0\/24 \(10\.5\.2\.0-24\)/,
    /^ip xfrm policy delete src 10\.5\.1\.0\/24 dst 10\.5\.2\.0\/24 dir out$/,
  ],
  [
    'it is for a greater network',
    WELL.replace('priority 0', 'priority 10') + bypass(5, '', '0.0.0.0/0'),
    /to 0\.0\.0\.0\/0, lets/,
    /dst 0\.0\.0\.0\/0 dir out$/,
  ],
  [
    'encryption is optional',
    WELL.replace('mode tunnel', 'mode tunnel\n\t\tlevel use'),
    /lets packets/,
    /delete/,
  ],
  ['there is no policy at all', without(WELL, TUNNEL, BLOCK), /no policy .*10\.5\.1\.0\/24/, /restart/],
  [
    'of one family',
    without(WELL, WELL.slice(WELL.indexOf('src fd01'))),
    /no policy .*fd01:0:0:1::\/64/,
    /restart/,
  ],
])('packets leave in plain text if %s', (_, policies, says, remedy) => {
  expect(findings({ policies })).toEqual([
    { severity: 'fatal', what: expect.stringMatching(says), remedy: expect.stringMatching(remedy) },
  ])
})

test('a sysctl that switches IPsec off is the one cause', () => {
  const sysctls = { 'net/ipv4/conf/eth0/disable_xfrm': '1' }
  const [first, ...others] = findings({ policies: without(WELL, TUNNEL), sysctls })
  expect(others).toEqual([])
  expect(first).toMatchObject({ remedy: 'sysctl -w net.ipv4.conf.eth0.disable_xfrm=0' })
})

test('if charon encrypts, packets that leave by the interface itself are in plain text', () => {
  const more = { entries: [...entries, { state: 'held', resource: { kind: 'link', key: 'x' }, owners: [] }] }
  expect(findings({ policies: '', device: 'ipsec0', more })).toEqual([])
  expect(findings({ policies: '', more })).toMatchObject([
    { what: expect.stringContaining('by eth0, as they are') },
  ])
})

test('with another backend nothing is asked', () => {
  expect(findings({ policies: '', backend: 'vxlan' })).toEqual([])
})

test('of 20,000 policies each is found by its peer', () => {
  const many = Array.from({ length: 20_000 }, (_, n) => ({
    source: '10.5.1.0/24',
    destination: `10.${64 + (n >> 8)}.${n & 255}.0/24`,
    priority: 0,
    action: 'encrypt' as const,
  }))
  const policyOf = policyFinder(many)
  expect(policyOf('10.5.1.1', '10.100.7.9')?.destination).toBe('10.100.7.0/24')
  expect(policyOf('10.6.1.1', '10.100.7.9')).toBeUndefined()
})
