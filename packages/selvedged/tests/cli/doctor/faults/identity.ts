import type { Fault } from '../fault.js'
import { free, lease } from './records.js'

/** Of the node: its interface, its addresses, and what else bears them. */
export const IDENTITY: readonly Fault[] = [
  {
    name: 'the published address is gone from the interface',
    id: 'identity.address-not-borne',
    says: /192\.168\.77\.1\b/,
    inject: (bench) =>
      bench.sh('ip address delete 192.168.77.1/24 dev eth0; ip address add 192.168.77.101/24 dev eth0'),
    mend: (bench) =>
      bench.sh(
        'sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1; ip address add 192.168.77.1/24 dev eth0; ip address delete 192.168.77.101/24 dev eth0; ip route replace default via 192.168.77.254',
      ),
  },
  {
    name: 'the published address is deprecated',
    id: 'identity.address-deprecated',
    says: /192\.168\.77\.1, .* deprecated/,
    inject: (bench) => bench.sh('ip address change 192.168.77.1/24 dev eth0 preferred_lft 0 valid_lft 3600'),
    mend: (bench) =>
      bench.sh('ip address change 192.168.77.1/24 dev eth0 preferred_lft forever valid_lft forever'),
  },
  {
    name: 'another lease publishes the address of this host',
    id: 'identity.address-shared',
    says: /10\.244\.7\d\.0-24.*192\.168\.77\.1/,
    inject: (bench) => bench.rig.etcd.put(free(bench), lease('192.168.77.1')),
    mend: (bench) => bench.rig.etcd.delete(free(bench)),
  },
  {
    name: 'two other leases publish one address',
    id: 'identity.peers-share-address',
    says: /2 leases publish one address, 192\.168\.77\.200: 10\.244\.7\d\.0-24 \(.+\), 10\.244\.7\d\.0-24 \(.+\)/,
    inject: async (bench) => {
      await bench.rig.etcd.put(free(bench), lease('192.168.77.200'))
      await bench.rig.etcd.put(free(bench, 1), lease('192.168.77.200'))
    },
    mend: async (bench) => {
      await bench.rig.etcd.delete(free(bench))
      await bench.rig.etcd.delete(free(bench, 1))
    },
  },
  {
    name: 'the interface is down',
    id: 'identity.interface-down',
    says: /eth0.* is down/,
    inject: (bench) => bench.sh('ip link set eth0 down'),
    mend: (bench) => bench.sh('ip link set eth0 up; ip route replace default via 192.168.77.254'),
  },
  {
    name: 'the cable is out',
    id: 'identity.no-carrier',
    says: /eth0.* no carrier/,
    inject: (bench) => bench.host.partition(),
    mend: (bench) => bench.host.heal(),
  },
  {
    name: 'the interface was renamed under the agent',
    id: 'identity.interface-gone',
    says: /eth0/,
    inject: (bench) => bench.sh('ip link set eth0 down; ip link set eth0 name lan0; ip link set lan0 up'),
    mend: (bench) =>
      bench.sh(
        'ip link set lan0 down; ip link set lan0 name eth0; ip link set eth0 up; ip route replace default via 192.168.77.254',
      ),
  },
  {
    name: 'the published address is a virtual one',
    id: 'identity.virtual-address',
    says: /publishes 192\.168\.77\.1\/32 of eth0.* 192\.168\.77\.101\/24/,
    inject: (bench) =>
      bench.sh(
        'sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1; ip address add 192.168.77.101/24 dev eth0; ip address add 192.168.77.1/32 dev eth0; ip address delete 192.168.77.1/24 dev eth0; ip route replace default via 192.168.77.254',
      ),
    mend: (bench) =>
      bench.sh(
        'ip address add 192.168.77.1/24 dev eth0; ip address delete 192.168.77.1/32 dev eth0; ip address delete 192.168.77.101/24 dev eth0; ip route replace default via 192.168.77.254',
      ),
  },
]
