import { join } from 'node:path'
import { type Fault, nothing } from '../fault.js'
import type { Ward } from '../ward.js'

const NETWORK = ['--network=10.244.0.0/16']
const IPV6 = ['--network=fd01:cafe::/48']
const HTTPS = '--etcd-endpoints=https://192.168.77.254:2379'

const certificate = (ward: Ward, days: number): Promise<string> =>
  ward.sh(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days ${days} -subj /CN=doctor -keyout ${join(ward.folder, 'ca.key')} -out ${join(ward.folder, 'ca.pem')} 2> /dev/null`,
  )

/** Those of a host on which nothing runs yet: `--pre`. */
export const BEFORE: readonly Fault<Ward>[] = [
  {
    name: 'IPv4 is not forwarded',
    id: 'host.ip-forward',
    says: /net\.ipv4\.ip_forward is 0/,
    inject: (ward) => ward.sh('sysctl -qw net.ipv4.ip_forward=0'),
  },
  {
    name: 'IPv6 is not forwarded',
    id: 'host.ip6-forward',
    says: /net\.ipv6\.conf\.all\.forwarding is 0/,
    args: IPV6,
    inject: (ward) => ward.sh('sysctl -qw net.ipv6.conf.all.forwarding=0'),
  },
  {
    name: 'IPv6 is switched off, and the network has it',
    id: 'host.ipv6-off',
    says: /disable_ipv6 is 1/,
    args: IPV6,
    inject: (ward) => ward.sh('sysctl -qw net.ipv6.conf.all.disable_ipv6=1'),
  },
  {
    name: 'packets of bridges pass iptables by',
    id: 'host.bridge-netfilter',
    says: /bridge-nf-call-iptables is 0/,
    args: ['--kube-subnet-mgr', '--kube-api-url=https://192.168.77.254:6443'],
    inject: (ward) => ward.sh('sysctl -qw net.bridge.bridge-nf-call-iptables=0'),
    whyNot: async (ward) =>
      (await ward.sh('cat /proc/sys/net/bridge/bridge-nf-call-iptables || true')) === ''
        ? 'br_netfilter is not loaded'
        : undefined,
  },
  {
    name: '/dev/net/tun is missing, and the backend udp needs it',
    id: 'host.tun-device',
    says: /\/dev\/net\/tun .*ENOENT.* udp/,
    args: ['--backend=udp'],
    inject: (ward) => ward.sh('rm /dev/net/tun'),
  },
  {
    name: 'CAP_NET_ADMIN is missing',
    id: 'host.rights',
    says: /CAP_NET_ADMIN/,
    wrapper: ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'],
    inject: nothing,
    mend: nothing,
  },
  {
    name: 'the kernel has no links of the type',
    id: 'host.link-type',
    says: /the backend ipip cannot run here: .*ipip/,
    args: ['--backend=ipip'],
    argsAfter: ['--backend=vxlan'],
    inject: nothing,
    mend: nothing,
    whyNot: async (ward) =>
      (await ward.sh('ip link add probe type ipip local 127.0.0.9 2>&1 && ip link delete probe || true')) ===
      ''
        ? 'this kernel has ipip'
        : undefined,
  },
  {
    name: 'iproute2 is not installed',
    id: 'host.no-ip',
    says: /ip does not run/,
    inject: (ward) =>
      ward.sh(
        'for path in /usr/sbin/ip /usr/bin/ip; do test ! -e $path || mount --bind /dev/null $path; done',
      ),
    mend: (ward) =>
      ward.sh('for path in /usr/sbin/ip /usr/bin/ip; do umount $path 2> /dev/null || true; done'),
  },
  {
    name: 'there is no default route, and no interface is named',
    id: 'host.interface',
    says: /default route/,
    inject: (ward) => ward.sh('ip route delete default'),
    mend: (ward) => ward.sh('ip route add default via 192.168.77.254'),
  },
  {
    name: 'the interface that is named does not exist',
    id: 'host.interface',
    says: /eth9/,
    args: ['--iface=eth9'],
    argsAfter: ['--iface=eth0'],
    inject: nothing,
    mend: nothing,
  },
  {
    name: "another program has vxlan's port",
    id: 'host.port-taken',
    says: /UDP port 8472.*node .process \d+/,
    args: ['--backend=vxlan'],
    inject: (ward) =>
      ward.spawnScript("require('dgram').createSocket('udp4').bind(8472, () => console.log('bound'))", ''),
    after: (ward) => ward.endStray(),
  },
  {
    name: 'a certificate that ends tomorrow',
    id: 'store.certificate',
    says: /ca\.pem ends on/,
    args: [HTTPS, '--etcd-cafile=@/ca.pem'],
    inject: (ward) => certificate(ward, 1),
    mend: (ward) => certificate(ward, 365),
  },
  {
    name: 'a certificate that is missing',
    id: 'store.certificate',
    says: /none\.pem .*ENOENT/,
    args: [HTTPS, '--etcd-cafile=/none.pem'],
    argsAfter: [HTTPS, '--etcd-cafile=@/ca.pem'],
    inject: nothing,
    mend: nothing,
  },
  {
    name: 'rules of legacy iptables beside those of nftables',
    id: 'firewall.two-iptables',
    says: /legacy has 1/,
    inject: (ward) => ward.sh('iptables-nft -A OUTPUT -j ACCEPT && iptables-legacy -A OUTPUT -j ACCEPT'),
    mend: (ward) => ward.sh('iptables-legacy -F'),
    after: (ward) => ward.sh('iptables-nft -F OUTPUT'),
  },
  {
    name: 'systemd-networkd removes routes of others',
    id: 'host.networkd',
    says: /ManageForeignRoutes/,
    inject: (ward) => ward.spawnNamed('systemd-networkd'),
    after: (ward) => ward.endStray(),
  },
  {
    name: 'NetworkManager manages devices of the overlay',
    id: 'host.network-manager',
    says: /unmanaged-devices/,
    inject: (ward) => ward.spawnNamed('NetworkManager'),
    after: (ward) => ward.endStray(),
  },
  {
    name: 'systemd-udevd gives new devices MAC addresses of its own',
    id: 'host.mac-policy',
    says: /MACAddressPolicy=persistent/,
    inject: async (ward) => {
      await ward.sh(`printf '[Link]\\nMACAddressPolicy=persistent\\n' > /etc/systemd/network/99-default.link`)
      await ward.spawnNamed('systemd-udevd')
    },
    after: (ward) => ward.endStray(),
  },
  {
    name: 'Docker has the policy of FORWARD set to DROP',
    id: 'firewall.forward-drop',
    says: /chain FORWARD drops.*10\.244\.0\.0\/16.*Docker/,
    args: NETWORK,
    inject: (ward) =>
      ward.sh(
        'iptables-nft -N DOCKER-USER && iptables-nft -A FORWARD -j DOCKER-USER && iptables-nft -P FORWARD DROP',
      ),
    after: (ward) => ward.sh('iptables-nft -P FORWARD ACCEPT && iptables-nft -F && iptables-nft -X'),
  },
  {
    name: 'ufw drops what is forwarded',
    id: 'firewall.forward-drop',
    says: /FORWARD drops.*ufw/,
    args: NETWORK,
    inject: (ward) =>
      ward.sh(
        'iptables-nft -N ufw-before-forward && iptables-nft -A FORWARD -j ufw-before-forward && iptables-nft -P FORWARD DROP',
      ),
    after: (ward) => ward.sh('iptables-nft -P FORWARD ACCEPT && iptables-nft -F && iptables-nft -X'),
  },
  {
    name: 'legacy iptables drops what is forwarded',
    id: 'firewall.forward-drop',
    says: /FORWARD drops/,
    args: NETWORK,
    inject: (ward) => ward.sh('iptables-legacy -P FORWARD DROP'),
    after: (ward) => ward.sh('iptables-legacy -P FORWARD ACCEPT && iptables-legacy -F'),
  },
  {
    name: 'a chain of nftables drops what is forwarded',
    id: 'firewall.forward-drop',
    says: /inet guard forwarding drops/,
    args: NETWORK,
    inject: (ward) =>
      ward.sh(
        `nft 'add table inet guard { chain forwarding { type filter hook forward priority 0; policy drop; tcp dport 22 accept; }; }'`,
      ),
    after: (ward) => ward.sh('nft delete table inet guard'),
  },
  {
    name: 'a chain of nftables rejects the rest at its end',
    id: 'firewall.forward-drop',
    says: /inet guard forwarding drops/,
    args: NETWORK,
    inject: (ward) =>
      ward.sh(
        `nft 'add table inet guard { chain forwarding { type filter hook forward priority 0; policy accept; tcp dport 22 accept; reject; }; }'`,
      ),
    after: (ward) => ward.sh('nft delete table inet guard'),
  },
  {
    name: 'firewalld forwards nothing of the network',
    id: 'firewall.forward-drop',
    says: /firewalld/,
    args: NETWORK,
    inject: (ward) =>
      ward.sh(
        `nft 'add table inet firewalld { chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept; ct state established,related accept; reject with icmpx type admin-prohibited; }; }'`,
      ),
    mend: (ward) =>
      ward.sh(
        'nft insert rule inet firewalld filter_FORWARD ip saddr 10.244.0.0/16 accept; nft insert rule inet firewalld filter_FORWARD ip daddr 10.244.0.0/16 accept',
      ),
    after: (ward) => ward.sh('nft delete table inet firewalld'),
  },
  {
    name: 'iptables drops what arrives, and the tunnel with it',
    id: 'firewall.input-drop',
    says: /INPUT drops.*8472/,
    args: ['--backend=vxlan'],
    inject: (ward) =>
      ward.sh(
        'iptables-nft -A INPUT -i lo -j ACCEPT; iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables-nft -P INPUT DROP',
      ),
    after: (ward) => ward.sh('iptables-nft -P INPUT ACCEPT; iptables-nft -F INPUT'),
  },
  {
    name: 'nftables drops what arrives, and the tunnel with it',
    id: 'firewall.input-drop',
    says: /inet guard input drops.*8472/,
    args: ['--backend=vxlan'],
    inject: (ward) =>
      ward.sh(
        `nft 'add table inet guard { chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }; }'`,
      ),
    after: (ward) => ward.sh('nft delete table inet guard'),
  },
  {
    name: "a rule of nftables drops the tunnel's packets",
    id: 'firewall.dropped-port',
    says: /udp dport 8472 drop/,
    args: ['--backend=vxlan'],
    inject: (ward) =>
      ward.sh(
        `nft 'add table inet guard { chain input { type filter hook input priority 0; policy accept; udp dport 8472 drop; }; }'`,
      ),
    after: (ward) => ward.sh('nft delete table inet guard'),
  },
  {
    name: "a rule of iptables drops the tunnel's packets",
    id: 'firewall.dropped-port',
    says: /INPUT.*8472.*DROP/,
    args: ['--backend=vxlan'],
    inject: (ward) => ward.sh('iptables-nft -A INPUT -p udp -m udp --dport 8472 -j DROP'),
    after: (ward) => ward.sh('iptables-nft -F INPUT'),
  },
  {
    name: 'a rule drops packets of the network',
    id: 'firewall.dropped-network',
    says: /10\.244\.0\.0\/16 drop/,
    args: NETWORK,
    inject: (ward) =>
      ward.sh(
        `nft 'add table inet guard { chain f { type filter hook forward priority 0; policy accept; ip saddr 10.244.0.0/16 drop; }; }'`,
      ),
    after: (ward) => ward.sh('nft delete table inet guard'),
  },
]
