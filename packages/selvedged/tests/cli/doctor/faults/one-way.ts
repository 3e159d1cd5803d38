import type { Fault } from '../fault.js'

/** Drops long packets of the tunnel that arrive: 1400 bytes inside are 1450 around them. */
const LONG =
  'add table inet doctor { chain in { type filter hook input priority 0; udp dport 8472 meta length > 1450 drop; }; }'

/** Of one direction of the way to a peer. */
export const ONE_WAY: readonly Fault[] = [
  {
    name: 'the way to the peer takes no long packets, and the way back does',
    id: 'path.mtu-one-way',
    says: /1450 bytes get through from the peer, and not to it: .*192\.168\.77\.2\); to it, .* 1400 bytes pass/,
    inject: (bench) => bench.peer.exec('nft', [LONG]),
    mend: (bench) => bench.peer.exec('nft', ['delete', 'table', 'inet', 'doctor']),
  },
  {
    name: 'the way back from the peer takes no long packets, and the way there does',
    id: 'path.mtu-one-way',
    says: /1450 bytes get through to the peer, and not from it: .*192\.168\.77\.2\); from it, .* 1400 bytes pass/,
    inject: (bench) => bench.host.exec('nft', [LONG]),
    mend: (bench) => bench.host.exec('nft', ['delete', 'table', 'inet', 'doctor']),
  },
]
