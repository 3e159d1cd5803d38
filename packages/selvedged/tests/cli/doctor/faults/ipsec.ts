import { kernelHasEsp } from '@selvedge/lab'
import type { Bench } from '../bench.js'
import type { Fault } from '../fault.js'
import { behindItsBack, startAgent } from './records.js'

/** Where the kernel has none, charon does ESP itself, in UDP. */
export const HAS_ESP = await kernelHasEsp()

const configWith = (psk: string) => ({
  Network: '10.244.0.0/16',
  Backend: { Type: 'ipsec', PSK: psk.repeat(16) },
})

export const IPSEC_CONFIG = configWith('sEcReT')

const CHARON = '/usr/lib/ipsec/charon'
/** The charon of the host: others run on this machine. */
const KILL_CHARON = `kill -9 $(cat /run/selvedge/ipsec/charon-started.pid)`

const guard = (rule: string): Pick<Fault, 'inject' | 'after'> => ({
  inject: (bench) =>
    bench.sh(
      `nft 'add table inet guard { chain input { type filter hook input priority 0; policy accept; ${rule} drop; }; }'`,
    ),
  after: (bench) => bench.sh('nft delete table inet guard'),
})

async function startPeerWith(bench: Bench, config: object): Promise<void> {
  await bench.rig.etcd.putConfig(config)
  await bench.restartPeer(KILL_CHARON)
}

const ofTheKernel: readonly Fault[] = [
  {
    name: 'another program has flushed the policies of IPsec, and no agent runs',
    id: 'kernel.entry-missing',
    says: /xfrm-policy (?:in|out|fwd) 10\.244\.\S+ 10\.244\.\S+ .*is missing/,
    inject: behindItsBack('ip xfrm policy flush'),
    mend: startAgent,
  },
  {
    name: 'a rule drops ESP',
    id: 'firewall.dropped-port',
    says: /l4proto (?:esp|50) drop/,
    ...guard('meta l4proto 50'),
  },
]

const ofCharon: readonly Fault[] = [
  {
    name: 'the device of charon is gone, and no agent runs',
    id: 'kernel.device-missing',
    says: /flannel-ipsec tun .*is missing/,
    inject: behindItsBack('ip link delete flannel-ipsec'),
    mend: startAgent,
  },
  {
    name: 'a rule drops ESP in UDP',
    id: 'firewall.dropped-port',
    says: /udp dport 4500 drop/,
    ...guard('udp dport 4500'),
  },
]

/** Of hosts with the backend ipsec. */
export const IPSEC: readonly Fault[] = [
  {
    name: 'charon was killed, and no agent runs',
    id: 'kernel.entry-missing',
    says: /ike-daemon charon .*is missing/,
    inject: behindItsBack(KILL_CHARON),
    mend: startAgent,
  },
  {
    name: 'charon was killed, and can be started no more',
    id: 'agent.refused-entries',
    says: /starting \/usr\/lib\/ipsec\/charon/,
    inject: (bench) => bench.sh(`mount --bind /dev/null ${CHARON}; ${KILL_CHARON}`),
    mend: (bench) => bench.sh(`umount ${CHARON}`),
  },
  {
    name: 'the peer has another PSK',
    id: 'agent.refused-entries',
    says: /connecting to 192\.168\.77\.2 by IKE: the peer has another PSK/,
    inject: async (bench) => {
      await startPeerWith(bench, configWith('oThErS'))
      await bench.agent.logged(/the peer has another PSK/, { timeout: 40_000 })
    },
    mend: (bench) => startPeerWith(bench, IPSEC_CONFIG),
  },
  {
    name: "another program has IKE's port",
    id: 'host.port-taken',
    says: /UDP port 500,.*node .process \d+/,
    inject: async (bench) => {
      await behindItsBack(KILL_CHARON)(bench)
      await bench.spawnScript(
        "require('dgram').createSocket('udp4').bind(500, () => console.log('bound'))",
        '',
      )
    },
    after: startAgent,
  },
  {
    name: HAS_ESP ? 'the peer drops ESP' : 'the peer drops ESP in UDP',
    id: 'path.one-way',
    says: /192\.168\.77\.2\)/,
    inject: (bench) =>
      bench.peer.exec('nft', [
        `add table inet doctor { chain in { type filter hook input priority 0; ${HAS_ESP ? 'meta l4proto 50' : 'udp dport 4500'} drop; }; }`,
      ]),
    mend: (bench) => bench.peer.exec('nft', ['delete', 'table', 'inet', 'doctor']),
  },
  {
    name: 'a rule drops IKE',
    id: 'firewall.dropped-port',
    says: /udp dport 500 drop/,
    ...guard('udp dport 500'),
  },
  {
    name: 'nftables drops what arrives, and IPsec with it',
    id: 'firewall.input-drop',
    says: HAS_ESP
      ? /does not accept UDP port 500, nor IP protocol 50 \(ESP\)/
      : /does not accept UDP port 500, nor UDP port 4500/,
    inject: (bench) =>
      bench.sh(
        `nft 'add table inet guard { chain input { type filter hook input priority 0; policy drop; iif lo accept; tcp dport 22 accept; ct state established accept; icmp type echo-request accept; }; }'`,
      ),
    after: (bench) => bench.sh('nft delete table inet guard'),
  },
  ...(HAS_ESP ? ofTheKernel : ofCharon),
]
