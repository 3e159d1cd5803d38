import type { Fault } from '../fault.js'
import { behindItsBack, MAC, startAgent } from './records.js'

/** Of what the kernel holds, with an agent and, where that mends it at once, without one. */
export const KERNEL: readonly Fault[] = [
  {
    name: 'a device that another backend left',
    id: 'kernel.leftover-device',
    says: /flannel0/,
    inject: (bench) => bench.host.ip('tuntap', 'add', 'dev', 'flannel0', 'mode', 'tun'),
  },
  {
    name: 'a device that another config of the same backend left',
    id: 'kernel.leftover-device',
    says: /flannel\.7 .*vxlan/,
    inject: (bench) => bench.sh('ip link add flannel.7 type vxlan id 7 dstport 8473 dev eth0'),
  },
  {
    name: 'a route takes half of a peer’s subnet elsewhere',
    id: 'kernel.foreign-route',
    says: /128\/25 via 192\.168\.77\.254 dev eth0/,
    inject: (bench) => bench.sh(`ip route add ${bench.peerPart('128/25')} via 192.168.77.254`),
  },
  {
    name: 'a blackhole takes one address of a peer',
    id: 'kernel.foreign-route',
    says: /blackhole route 10\.244\.\d+\.9 /,
    inject: (bench) => bench.sh(`ip route add blackhole ${bench.peerPart('9/32')}`),
  },
  {
    name: 'a policy rule sends the network to another table',
    id: 'kernel.route-elsewhere',
    says: /by eth0, and not by flannel\.1/,
    inject: (bench) =>
      bench.sh(
        'ip route add default via 192.168.77.254 table 100; ip rule add to 10.244.0.0/16 lookup 100 priority 99',
      ),
    mend: (bench) => bench.sh('ip rule delete priority 99'),
    after: (bench) => bench.sh('ip route flush table 100'),
  },
  {
    name: 'strict reverse path filtering, and another way to a peer',
    id: 'host.rp-filter',
    says: /of eth0 is strict.*192\.168\.77\.2 .*by other0/,
    inject: (bench) =>
      bench.sh(
        'ip link add other0 type veth peer name other1; ip link set other0 up; ip link set other1 up; ip route add 192.168.77.2 dev other0; sysctl -qw net.ipv4.conf.eth0.rp_filter=1',
      ),
    after: (bench) => bench.sh('ip link delete other0; sysctl -qw net.ipv4.conf.eth0.rp_filter=0'),
  },
  {
    name: 'the device has another MAC address than is published',
    id: 'kernel.published-mac',
    says: new RegExp(`flannel\\.1 has the MAC address ${MAC}`),
    inject: behindItsBack(`ip link set flannel.1 address ${MAC}`),
    after: startAgent,
  },
  {
    name: 'the interface has a smaller MTU than when the agent started',
    id: 'kernel.device-mtu',
    says: /flannel\.1 has an MTU of 1450, eth0 one of 1400.* 50 bytes.* 1350/,
    inject: behindItsBack('ip link set eth0 mtu 1400'),
    after: async (bench) => {
      await bench.sh('ip link set eth0 mtu 1500')
      await bench.startAgent()
    },
  },
  {
    name: 'the device is gone',
    id: 'kernel.device-missing',
    says: /flannel\.1 vxlan .*is missing/,
    inject: behindItsBack('ip link delete flannel.1'),
    mend: startAgent,
  },
  {
    name: 'the device is down',
    id: 'kernel.device-down',
    says: /flannel\.1 is down/,
    inject: behindItsBack('ip link set flannel.1 down'),
    after: startAgent,
  },
  {
    name: 'the device has lost its address',
    id: 'kernel.address-missing',
    says: /10\.244\.\d+\.0\/32 dev flannel\.1 is missing/,
    inject: behindItsBack(({ subnet }) => `ip address delete ${subnet.replace('/24', '/32')} dev flannel.1`),
    mend: startAgent,
  },
  {
    name: 'a peer’s route is gone, and no agent runs',
    id: 'kernel.route-missing',
    says: /route 10\.244\.\d+\.0\/24 .*dev flannel\.1.* is missing, for 10\.244\.\d+\.0-24/,
    inject: behindItsBack(({ peerSubnet }) => `ip route delete ${peerSubnet}`),
    mend: startAgent,
  },
  {
    name: 'a peer’s neighbour entry has another MAC address',
    id: 'kernel.neighbour-missing',
    says: new RegExp(`differs: macAddress is "${MAC}"`),
    inject: behindItsBack(
      ({ peerSubnet }) =>
        `ip neighbour replace ${peerSubnet.replace('/24', '')} lladdr ${MAC} dev flannel.1 nud permanent`,
    ),
    mend: startAgent,
  },
  {
    name: 'a peer’s fdb entry is gone',
    id: 'kernel.fdb-missing',
    says: /dst 192\.168\.77\.2 dev flannel\.1 is missing/,
    inject: behindItsBack(
      'bridge fdb show dev flannel.1 | while read mac rest; do bridge fdb delete $mac dev flannel.1 $rest; done',
    ),
    mend: startAgent,
  },
  {
    name: 'another program has flushed the rules for masquerading',
    id: 'kernel.rules-missing',
    says: /ruleset .* (?:is missing|differs)/,
    inject: behindItsBack('iptables -t nat -F'),
    mend: startAgent,
  },
  {
    name: 'a route of a node that is gone is left',
    id: 'kernel.stale-entry',
    says: /route 10\.244\.251\.0\/24 dev flannel\.1 belongs to no lease/,
    inject: behindItsBack('ip route add 10.244.251.0/24 dev flannel.1 proto 157'),
    after: startAgent,
  },
  {
    name: 'the subnet file is gone',
    id: 'kernel.subnet-file',
    says: /subnet\.env is missing/,
    inject: behindItsBack(({ agent }) => `rm ${agent.subnetFile}`),
    mend: startAgent,
  },
  {
    name: 'the subnet file is of another lease',
    id: 'kernel.subnet-file',
    says: /FLANNEL_SUBNET is 10\.99\.9\.1\/24/,
    inject: behindItsBack(
      ({ agent }) => `sed -i s,^FLANNEL_SUBNET=.*,FLANNEL_SUBNET=10.99.9.1/24, ${agent.subnetFile}`,
    ),
    mend: startAgent,
  },
  {
    name: 'the subnet file has another MTU',
    id: 'kernel.subnet-file',
    says: /FLANNEL_MTU is 1500.* 1450/,
    inject: behindItsBack(({ agent }) => `sed -i s/1450/1500/ ${agent.subnetFile}`),
    mend: startAgent,
  },
]
