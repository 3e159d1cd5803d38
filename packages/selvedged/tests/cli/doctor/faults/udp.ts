import type { Fault } from '../fault.js'
import { behindItsBack, startAgent } from './records.js'

/** Of hosts with the backend udp, whose packets the agent itself carries. */
export const UDP: readonly Fault[] = [
  {
    name: 'the agent is gone, which carries the packets',
    id: 'agent.absent',
    says: /no agent answers/,
    inject: (bench) => bench.agent.kill(),
    mend: startAgent,
  },
  {
    name: 'the TUN device was deleted, and no agent runs',
    id: 'kernel.device-missing',
    says: /flannel0 tun .*is missing/,
    inject: behindItsBack('ip link delete flannel0'),
    mend: startAgent,
  },
  {
    name: 'the TUN device is down, and no agent runs',
    id: 'kernel.device-down',
    says: /flannel0 is down/,
    inject: behindItsBack('ip link set flannel0 down'),
    after: startAgent,
  },
  {
    name: 'the route of the network is gone, and no agent runs',
    id: 'kernel.route-missing',
    says: /route 10\.244\.0\.0\/16 dev flannel0 is missing/,
    inject: behindItsBack('ip route delete 10.244.0.0/16 dev flannel0'),
    mend: startAgent,
  },
  {
    name: "another program has udp's port",
    id: 'host.port-taken',
    says: /UDP port 8285.*node .process \d+/,
    inject: async (bench) => {
      await bench.agent.kill()
      await bench.spawnScript(
        "require('dgram').createSocket('udp4').bind(8285, () => console.log('bound'))",
        '',
      )
    },
    after: startAgent,
  },
  {
    name: 'the device file of TUN is none',
    id: 'host.tun-device',
    says: /\/dev\/net\/tun cannot be used/,
    inject: behindItsBack('rm /dev/net/tun; touch /dev/net/tun'),
    after: startAgent,
  },
  {
    name: 'the device file of TUN may not be opened, as in a container that was not given it',
    id: 'host.tun-device',
    says: /\/dev\/net\/tun cannot be used \(EACCES/,
    inject: (bench) => bench.sh('mount -o remount,nodev /dev/net'),
    mend: (bench) => bench.sh('mount -o remount,dev /dev/net'),
  },
  {
    name: "a rule drops udp's packets",
    id: 'firewall.dropped-port',
    says: /udp dport 8285 drop/,
    inject: (bench) =>
      bench.sh(
        `nft 'add table inet guard { chain input { type filter hook input priority 0; policy accept; udp dport 8285 drop; }; }'`,
      ),
    after: (bench) => bench.sh('nft delete table inet guard'),
  },
  {
    name: "the peer drops udp's packets",
    id: 'path.tunnel-broken',
    says: /192\.168\.77\.2\b/,
    inject: (bench) =>
      bench.peer.exec('nft', [
        'add table inet doctor { chain in { type filter hook input priority 0; udp dport 8285 drop; }; }',
      ]),
    mend: (bench) => bench.peer.exec('nft', ['delete', 'table', 'inet', 'doctor']),
  },
  {
    name: "vxlan's device is left",
    id: 'kernel.leftover-device',
    says: /flannel\.1 is no device of the backend udp/,
    inject: (bench) => bench.sh('ip link add flannel.1 type vxlan id 1 dstport 8472 dev eth0'),
  },
]
