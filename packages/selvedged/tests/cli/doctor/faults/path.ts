import type { Fault } from '../fault.js'

const onPeer = (script: string, back: string): Pick<Fault, 'inject' | 'mend'> => ({
  inject: (bench) => bench.peer.exec('sh', ['-ec', script]),
  mend: (bench) => bench.peer.exec('sh', ['-ec', back]),
})

const peerDrops = (rule: string) =>
  onPeer(
    `nft 'add table inet doctor { chain in { type filter hook input priority 0; ${rule} drop; }; }'`,
    'nft delete table inet doctor',
  )

/** Of the ways to the peers. */
export const PATH: readonly Fault[] = [
  {
    name: 'the peer’s host is off',
    id: 'path.host-unreachable',
    says: /192\.168\.77\.2\b/,
    inject: (bench) => bench.peer.partition(),
    mend: (bench) => bench.peer.heal(),
  },
  {
    name: 'the peer drops the tunnel’s packets',
    id: 'path.tunnel-broken',
    says: /192\.168\.77\.2\b/,
    ...peerDrops('udp dport 8472'),
  },
  {
    name: 'every fourth packet to the peer is lost',
    id: 'path.loss',
    says: /192\.168\.77\.2\) \d+ of \d+/,
    ...peerDrops('udp dport 8472 numgen inc mod 4 == 0'),
  },
  {
    name: 'the way to the peer takes no long packets',
    id: 'path.mtu',
    says: /1450 bytes do not: .*1300 bytes pass/,
    ...onPeer(
      `nft 'add table inet doctor { chain in { type filter hook input priority 0; udp dport 8472 meta length > 1350 drop; }; chain out { type filter hook output priority 0; udp dport 8472 meta length > 1350 drop; }; }'`,
      'nft delete table inet doctor',
    ),
  },
  {
    name: 'packets are lost in one direction',
    id: 'path.one-way',
    says: /192\.168\.77\.2\): packets to it are lost, and those from it arrive/,
    ...peerDrops('udp dport 8472'),
  },
]
