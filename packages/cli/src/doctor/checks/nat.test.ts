import { expect, test } from 'vitest'
import type { Facts } from '../facts/facts.js'
import { readFlows } from '../facts/flows.js'
import { natChecks } from './nat.js'

/** As /proc/net/nf_conntrack prints flows: this host is 192.0.2.1, its peers 192.0.2.2 and .3. */
const FLOWS = `ipv4     2 udp      17 29 src=192.0.2.2 dst=192.0.2.1 sport=44001 dport=8472 [UNREPLIED] src=192.0.2.1 dst=192.0.2.2 sport=8472 dport=44001 mark=0 zone=0 use=2
ipv4     2 udp      17 29 src=192.0.2.1 dst=192.0.2.2 sport=44002 dport=8472 [UNREPLIED] src=192.0.2.2 dst=192.0.2.1 sport=8472 dport=44002 mark=0 zone=0 use=2
ipv4     2 udp      17 119 src=192.0.2.1 dst=192.0.2.3 sport=8472 dport=8472 src=192.0.2.3 dst=192.0.2.1 sport=8472 dport=8472 [ASSURED] mark=0 zone=0 use=2
ipv4     2 udp      17 9 src=198.51.100.7 dst=192.0.2.1 sport=53 dport=3333 src=192.0.2.1 dst=198.51.100.7 sport=3333 dport=53 mark=0 zone=0 use=2
ipv4     2 tcp      6 431999 ESTABLISHED src=198.51.100.8 dst=192.0.2.1 sport=1 dport=8472 src=192.0.2.1 dst=198.51.100.8 sport=8472 dport=1 [ASSURED] mark=0 use=2
ipv6     10 udp      17 29 src=2001:0db8:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0000:0000:0000:0000:0000:0001 sport=4 dport=8472 [UNREPLIED] src=2001:0db8::1 dst=2001:0db8::2 sport=8472 dport=4 mark=0 use=2
`
const STRANGER = FLOWS.replace('src=192.0.2.2 dst', 'src=203.0.113.9 dst')

test('of flows to the port, each direction of two hosts is there once', () => {
  const flows = readFlows(FLOWS, 8472)
  expect(flows).toEqual([
    { source: '192.0.2.2', destination: '192.0.2.1', isAnswered: false },
    { source: '192.0.2.1', destination: '192.0.2.2', isAnswered: false },
    { source: '192.0.2.1', destination: '192.0.2.3', isAnswered: true },
    { source: '2001:db8::2', destination: '2001:db8::1', isAnswered: false },
  ])
  expect(readFlows(FLOWS.repeat(3), 8472)).toEqual(flows)
  expect(readFlows('no table', 8472)).toEqual([])
  // As conntrack -L prints it.
  expect(readFlows('udp      17 29 src=192.0.2.2 dst=192.0.2.1 sport=1 dport=8472 src=', 8472)).toHaveLength(
    1,
  )
})

const peer = (n: number) => ({
  key: `10.244.${n}.0-24`,
  subnet: `10.244.${n}.0/24`,
  publicIp: `192.0.2.${n}`,
  publicIpv6: `2001:db8::${n}`,
})

function findings({ flows = FLOWS, backend = 'vxlan', shaken = [] as object[] } = {}) {
  const node = { backend, lease: { key: '10.244.1.0-24' } }
  const facts = {
    agent: { state: 'answers', page: { node, peers: [peer(2), peer(3)] } },
    asked: {},
    store: undefined,
    network: { links: [{ addr_info: [{ local: '192.0.2.1' }] }] },
    paths: { tried: [peer(2), peer(3)], peers: 2 },
    flows: readFlows(flows, 8472),
    shaken,
  } as unknown as Facts
  return natChecks.flatMap(({ find }) => find(facts))
}

test('a NAT is found by packets of another address than a peer publishes that sends none', () => {
  expect(findings()).toEqual([])
  expect(findings({ flows: STRANGER })).toEqual([
    {
      severity: 'warning',
      what: 'packets to UDP port 8472 come from 203.0.113.9, which no lease publishes, and none from 10.244.2.0/24 (192.0.2.2): a NAT may be between the hosts',
      remedy: expect.stringMatching(
        /--public-ip=203\.0\.113\.9.* UDP port 8472 .*PersistentKeepaliveInterval/,
      ),
    },
  ])
})

test('hosts that send to every port are none, nor is a peer that is off', () => {
  const scanned = `${FLOWS}ipv4 2 udp 17 29 src=203.0.113.9 dst=192.0.2.1 sport=4 dport=8472 [UNREPLIED] src=`
  expect(findings({ flows: scanned })).toEqual([])
  expect(findings({ flows: FLOWS.replace(/^.*\n/, '') })).toEqual([])
  // What this host itself sent while it had another address.
  const former = FLOWS.replace(/^.*\n/, '').replace('src=192.0.2.1 dst', 'src=192.0.2.99 dst')
  expect(findings({ flows: former })).toEqual([])
})

const shake = (endpoint: string, at: number | undefined = 1) => ({
  allowedIps: ['10.244.2.0/24'],
  at,
  endpoint,
})

test.each([
  ['its published address', '192.0.2.2:51820', undefined],
  ['that of the other family', '[2001:db8::2]:51820', undefined],
  ['none', '(none)', undefined],
  ['a NAT’s', '203.0.113.9:40001', '10.244.2.0/24 publishes 192.0.2.2, and sends from 203.0.113.9'],
  ['a NAT’s, of IPv6', '[2001:db8:9::9]:40001', 'sends from 2001:db8:9::9'],
])('wireguard: a peer whose endpoint is %s', (_, endpoint, says) => {
  const found = findings({ backend: 'wireguard', shaken: [shake(endpoint)] })
  expect(found.map(({ what }) => what)).toEqual(says === undefined ? [] : [expect.stringContaining(says)])
})

test('wireguard: before a handshake an endpoint says nothing', () => {
  const shaken = [{ ...shake('203.0.113.9:40001'), at: undefined }]
  expect(findings({ backend: 'wireguard', shaken })).toEqual([])
})
