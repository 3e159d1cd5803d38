import { expect, test } from 'vitest'
import type { Facts } from '../facts/facts.js'
import { partsOf, type RefusedRules } from '../facts/trials.js'
import { featureChecks, holdsByNftables } from './features.js'

const well = {
  asked: { backend: undefined, networks: [] },
  sysctls: new Map([['net/ipv6/conf/all/disable_ipv6', '0']]),
  programs: new Set(),
  trials: { rules: [], backend: undefined },
}

const findings = (facts: Partial<Facts>) =>
  featureChecks.flatMap(({ id, find }) =>
    find({ ...well, ...facts } as unknown as Facts).map((each) => ({ id, ...each })),
  )

const refused = (program: string, parts: readonly string[], more: Partial<RefusedRules> = {}) => ({
  trials: {
    rules: [
      {
        program,
        isInstalled: true,
        answer: 'line 1 failed\nTry -h',
        parts: partsOf(program, 4).filter(({ name }) => parts.includes(name)),
        ...more,
      },
    ],
    backend: undefined,
  },
})

test('nothing is found where nothing is lacking', () => {
  expect(findings({})).toEqual([])
})

test.each<[name: string, facts: Partial<Facts>, id: string, says: RegExp, remedy: RegExp]>([
  [
    'nft without nft_masq',
    refused('nft', ['masquerade']),
    'host.traffic-rules',
    /^nft cannot write rules .*: it lacks masquerade \(line 1 failed\)$/,
    /^modprobe -a nft_masq; .*"EnableNFTables": false/,
  ],
  [
    'a kernel without nf_tables',
    refused(
      'nft',
      partsOf('nft', 4).map(({ name }) => name),
    ),
    'host.traffic-rules',
    /it lacks tables of ip, chains of type filter, chains of type nat, counter, masquerade/,
    /^modprobe -a nf_tables nft_chain_nat nft_counter nft_masq;/,
  ],
  [
    'ip6tables without nat',
    refused('ip6tables', ['table nat', 'target MASQUERADE']),
    'host.traffic-rules',
    /^ip6tables cannot/,
    /"EnableNFTables": true/,
  ],
  [
    'rules of which no part fails by itself',
    refused('iptables', []),
    'host.traffic-rules',
    /overlay has them \(line 1 failed\)$/,
    /^see what iptables lacks;/,
  ],
  [
    'nft that is not installed',
    refused('nft', [], { isInstalled: false }),
    'host.traffic-rules',
    /^nft does not run/,
    /^apt-get install nftables; .*"EnableNFTables": false/,
  ],
  [
    'neither WireGuard nor wireguard-go',
    {
      asked: { backend: 'wireguard', networks: [] },
      trials: { rules: [], backend: 'this kernel has no WireGuard; or …' },
    },
    'host.encryption',
    /the backend wireguard cannot run here: this kernel has no WireGuard/,
    /modprobe wireguard/,
  ],
  [
    'no IPv6',
    { asked: { backend: undefined, networks: ['fd01::/48'] }, sysctls: new Map() },
    'host.no-ipv6',
    /booted with ipv6\.disable=1/,
    /"EnableIPv6": false/,
  ],
  [
    'no br_netfilter',
    { programs: new Set(['kube-proxy']) },
    'host.no-bridge-netfilter',
    /br_netfilter is not loaded/,
    /^modprobe br_netfilter/,
  ],
])('%s', (_, facts, id, says, remedy) => {
  expect(findings(facts)).toEqual([
    expect.objectContaining({
      id,
      what: expect.stringMatching(says),
      remedy: expect.stringMatching(remedy),
    }),
  ])
})

test('where IPv4 alone is asked for, a kernel without IPv6 is well', () => {
  expect(
    findings({ asked: { backend: undefined, networks: ['10.244.0.0/16'] }, sysctls: new Map() }),
  ).toEqual([])
})

test.each([
  [{ EnableNFTables: true }, true],
  [{}, false],
  [undefined, false],
  ['EnableNFTables', false],
])('rules are held as the config says: %j', (comparable, expected) => {
  const store = { state: 'answers', comparable } as unknown as Facts['store']
  expect(holdsByNftables({ agent: undefined, store })).toBe(expected)
})
