import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@selvedge/lab'
import type { Bench } from './bench.js'

/**
 * A fault, and what the doctor is to say of it. To add one, add a line: it is injected on a host on which nothing is wrong,
 * the doctor must name it, and find nothing once its remedy was taken.
 */
export interface Fault {
  readonly name: string
  /** The finding that names the cause. Others may be there, too, as consequences. */
  readonly id: string
  /** What the finding must say: the values of the cause. */
  readonly says: RegExp
  readonly inject: (bench: Bench) => Promise<unknown>
  /** What takes the remedy, where it is more than the commands that the doctor names. */
  readonly mend?: (bench: Bench) => Promise<unknown>
  /** Takes back what the remedy left, once nothing is found any more: each fault begins on the same host. */
  readonly after?: (bench: Bench) => Promise<unknown>
  /** It is still mentioned once it was mended, or the arguments are at fault. */
  readonly lasts?: boolean
  /** Further arguments of the doctor; `@` stands for the host's folder. */
  readonly args?: readonly string[]
}

const lease = (publicIp: string, more: object = {}): string =>
  JSON.stringify({
    PublicIP: publicIp,
    PublicIPv6: null,
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: 'aa:00:00:00:00:66' },
    ...more,
  })

const etcdctl = ({ rig }: Bench, ...args: string[]): Promise<string> =>
  rig.lab.switch.exec('etcdctl', [`--endpoints=${rig.etcd.endpoint}`, ...args])

const CONFIG = '/coreos.com/network/config'

/** Stops the agent, so that it does not heal; the doctor finds that, too. */
const freeze = ({ agent }: Bench): void => agent.signal('SIGSTOP')
const thaw = async ({ agent }: Bench): Promise<void> => agent.signal('SIGCONT')

const drop = (rule: string) => ({
  inject: (bench: Bench) =>
    bench.sh(
      `nft 'add table inet doctor { chain in { type filter hook input priority 0; policy accept; ${rule}; }; }'`,
      bench.host,
    ),
  mend: (bench: Bench) => bench.sh('nft delete table inet doctor'),
})

const onPeer = (script: string, back: string) => ({
  inject: (bench: Bench) => bench.sh(script, bench.peer),
  mend: (bench: Bench) => bench.sh(back, bench.peer),
})

const conflist = (bench: Bench, name: string, text: string): Promise<void> =>
  mkdir(join(bench.folder, 'net.d'), { recursive: true }).then(() =>
    writeFile(join(bench.folder, 'net.d', name), text),
  )
const noCni = (bench: Bench) =>
  Promise.all(['net.d', 'bin'].map((name) => rm(join(bench.folder, name), { recursive: true, force: true })))
const plugins = (bench: Bench) => mkdir(join(bench.folder, 'bin'), { recursive: true })

/** Those of a host with the backend vxlan and etcd. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'IPv4 is not forwarded',
    id: 'host.ip-forward',
    says: /ip_forward is 0/,
    inject: (bench) => bench.sh('sysctl -qw net.ipv4.ip_forward=0'),
  },
  {
    name: 'strict reverse path filtering on all devices',
    id: 'host.rp-filter',
    says: /all\.rp_filter is 1/,
    inject: (bench) => bench.sh('sysctl -qw net.ipv4.conf.all.rp_filter=1'),
  },
  {
    name: 'strict reverse path filtering on the tunnel',
    id: 'host.rp-filter',
    says: /flannel\.1\.rp_filter is 1/,
    inject: (bench) => bench.sh('sysctl -qw net.ipv4.conf.flannel/1.rp_filter=1'),
    mend: (bench) => bench.sh('sysctl -qw net.ipv4.conf.flannel/1.rp_filter=0'),
  },
  {
    name: 'iptables drops what is forwarded, as Docker has it',
    id: 'firewall.forward-drop',
    says: /chain FORWARD drops.*10\.244\.0\.0\/16/,
    inject: (bench) => bench.sh('iptables -P FORWARD DROP'),
    mend: (bench) =>
      bench.sh(
        'iptables -I FORWARD -s 10.244.0.0/16 -j ACCEPT; iptables -I FORWARD -d 10.244.0.0/16 -j ACCEPT',
      ),
    after: (bench) => bench.sh('iptables -P FORWARD ACCEPT; iptables -F FORWARD'),
  },
  {
    name: 'a chain of nftables drops what is forwarded',
    id: 'firewall.forward-drop',
    says: /inet guard forwarding drops/,
    inject: (bench) =>
      bench.sh(
        `nft 'add table inet guard { chain forwarding { type filter hook forward priority 0; policy drop; tcp dport 22 accept; }; }'`,
      ),
    after: (bench) => bench.sh('nft delete table inet guard'),
  },
  {
    name: 'iptables drops what arrives, and the tunnel with it',
    id: 'firewall.input-drop',
    says: /INPUT drops.*8472/,
    inject: (bench) =>
      bench.sh(
        'iptables -A INPUT -i lo -j ACCEPT; iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables -P INPUT DROP',
      ),
    after: (bench) => bench.sh('iptables -P INPUT ACCEPT; iptables -F INPUT'),
  },
  {
    name: "a rule drops the tunnel's packets",
    id: 'firewall.dropped-port',
    says: /udp dport 8472 drop/,
    ...drop('udp dport 8472 drop'),
  },
  {
    name: 'a rule drops packets of the network',
    id: 'firewall.dropped-network',
    says: /10\.244\.0\.0\/16 drop/,
    inject: (bench) =>
      bench.sh(
        `nft 'add table inet doctor { chain f { type filter hook forward priority 0; policy accept; ip saddr 10.244.0.0/16 drop; }; }'`,
      ),
    mend: (bench) => bench.sh('nft delete table inet doctor'),
  },
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
    says: /10\.244\.200\.0-24.*192\.168\.77\.1/,
    inject: (bench) => bench.rig.etcd.put('10.244.200.0-24', lease('192.168.77.1')),
    mend: (bench) => bench.rig.etcd.delete('10.244.200.0-24'),
  },
  {
    name: 'two other leases publish one address',
    id: 'identity.peers-share-address',
    says: /10\.244\.20[12]\.0-24, 10\.244\.20[12]\.0-24.*192\.168\.77\.2\b|192\.168\.77\.200/,
    inject: async (bench) => {
      await bench.rig.etcd.put('10.244.201.0-24', lease('192.168.77.200'))
      await bench.rig.etcd.put('10.244.202.0-24', lease('192.168.77.200'))
    },
    mend: async (bench) => {
      await bench.rig.etcd.delete('10.244.201.0-24')
      await bench.rig.etcd.delete('10.244.202.0-24')
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
    inject: (bench) => bench.rig.lab.switch.ip('link', 'set', bench.host.name, 'down'),
    mend: (bench) => bench.rig.lab.switch.ip('link', 'set', bench.host.name, 'up'),
  },
  {
    name: 'etcd is down',
    id: 'store.unreachable',
    says: /etcd at http:\/\/192\.168\.77\.254:2379/,
    inject: (bench) => bench.rig.etcd.kill(),
    mend: (bench) => bench.rig.etcd.start(),
  },
  {
    name: 'etcd does not answer',
    id: 'store.unreachable',
    says: /no answer in|timed out|deadline/i,
    inject: async (bench) => bench.rig.etcd.freeze(),
    mend: async (bench) => {
      await bench.rig.etcd.kill()
      await bench.rig.etcd.start()
    },
  },
  {
    name: 'the network config is gone',
    id: 'store.no-config',
    says: /no network config/,
    inject: (bench) => etcdctl(bench, 'del', CONFIG),
    mend: (bench) => etcdctl(bench, 'put', CONFIG, '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}'),
  },
  {
    name: 'the network config is no config',
    id: 'store.invalid-config',
    says: /10\.244\.0\.0\/99/,
    inject: (bench) => etcdctl(bench, 'put', CONFIG, '{"Network":"10.244.0.0/99"}'),
    mend: (bench) => etcdctl(bench, 'put', CONFIG, '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}'),
  },
  {
    name: 'the network config was changed, and no agent restarted',
    id: 'store.config-not-in-force',
    says: /host-gw/,
    inject: (bench) =>
      etcdctl(bench, 'put', CONFIG, '{"Network":"10.244.0.0/16","Backend":{"Type":"host-gw"}}'),
    mend: (bench) => etcdctl(bench, 'put', CONFIG, '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}'),
  },
  {
    name: 'the agent hangs',
    id: 'agent.silent',
    says: /does not answer/,
    inject: async (bench) => freeze(bench),
    mend: thaw,
  },
  {
    name: 'the doctor, or the agent, is given the wrong prefix of etcd',
    id: 'store.lease-missing',
    says: /is not in etcd at .*\/other/,
    inject: (bench) =>
      etcdctl(bench, 'put', '/other/config', '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}'),
    args: ['--etcd-prefix=/other'],
    lasts: true,
  },
  {
    name: 'a record that is no lease',
    id: 'store.records',
    says: /not-a-subnet|10\.244\.210\.0-24/,
    inject: (bench) => bench.rig.etcd.put('10.244.210.0-24', '{"PublicIP": 7}'),
    mend: (bench) => bench.rig.etcd.delete('10.244.210.0-24'),
  },
  {
    name: 'a certificate that ends tomorrow',
    id: 'store.certificate',
    says: /ends on/,
    inject: (bench) =>
      bench.sh(
        `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=doctor -keyout ${bench.folder}/ca.key -out ${bench.folder}/ca.pem 2> /dev/null`,
      ),
    mend: (bench) =>
      bench.sh(
        `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=doctor -keyout ${bench.folder}/ca.key -out ${bench.folder}/ca.pem 2> /dev/null`,
      ),
    args: ['--etcd-cafile=@/ca.pem'],
  },
  {
    name: 'a certificate that is none',
    id: 'store.certificate',
    says: /no certificate/,
    inject: (bench) => writeFile(`${bench.folder}/ca.pem`, 'none'),
    mend: (bench) =>
      bench.sh(
        `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=doctor -keyout ${bench.folder}/ca.key -out ${bench.folder}/ca.pem 2> /dev/null`,
      ),
    args: ['--etcd-cafile=@/ca.pem'],
  },
  {
    name: 'another program deletes a route',
    id: 'agent.drift',
    says: /process \d+.*route 254 10\.244\..* was missing/,
    inject: async (bench) => {
      const { subnet = '' } = (await bench.agents[1]?.subnetEnv()) ?? {}
      await bench.host.ip('route', 'delete', subnet.replace(/\.\d+\//, '.0/'))
    },
    // For ten minutes.
    lasts: true,
  },
  {
    name: 'a lease that nobody can follow',
    id: 'agent.refused-peers',
    says: /10\.244\.66\.0-24/,
    inject: (bench) => bench.rig.etcd.put('10.244.66.0-24', lease('10.244.66.7')),
    mend: (bench) => bench.rig.etcd.delete('10.244.66.0-24'),
  },
  {
    name: 'a peer of another backend',
    id: 'agent.refused-peers',
    says: /another backend.*10\.244\.67\.0-24/,
    inject: (bench) =>
      bench.rig.etcd.put(
        '10.244.67.0-24',
        lease('192.168.77.67', { BackendType: 'host-gw', BackendData: null }),
      ),
    mend: (bench) => bench.rig.etcd.delete('10.244.67.0-24'),
  },
  {
    name: 'a device that another backend left',
    id: 'kernel.leftover-device',
    says: /flannel0/,
    inject: (bench) => bench.host.ip('tuntap', 'add', 'dev', 'flannel0', 'mode', 'tun'),
  },
  {
    name: 'a route of an operator takes a peer’s packets elsewhere',
    id: 'kernel.foreign-route',
    says: /192\.168\.77\.254/,
    inject: async (bench) => {
      const { subnet = '' } = (await bench.agents[1]?.subnetEnv()) ?? {}
      const half = subnet.replace(/\.\d+\/24/, '.0/25')
      await bench.host.ip('route', 'add', half, 'via', '192.168.77.254')
    },
  },
  {
    name: 'the subnet file is gone',
    id: 'kernel.subnet-file',
    says: /other\.env is missing/,
    inject: (bench) => rm(`${bench.folder}/other.env`, { force: true }),
    mend: async (bench) => writeFile(`${bench.folder}/other.env`, await readFile(bench.agent.subnetFile)),
    args: ['--subnet-file=@/other.env'],
  },
  {
    name: 'the subnet file is of another lease',
    id: 'kernel.subnet-file',
    says: /FLANNEL_SUBNET is 10\.99\.9\.1\/24/,
    inject: (bench) =>
      writeFile(
        `${bench.folder}/other.env`,
        'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.99.9.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n',
      ),
    mend: async (bench) => writeFile(`${bench.folder}/other.env`, await readFile(bench.agent.subnetFile)),
    args: ['--subnet-file=@/other.env'],
  },
  {
    name: 'the peer’s host is off',
    id: 'path.host-unreachable',
    says: /192\.168\.77\.2\b/,
    ...onPeer('ip link set eth0 down', 'ip link set eth0 up; ip route replace default via 192.168.77.254'),
  },
  {
    name: 'the peer drops the tunnel’s packets',
    id: 'path.tunnel-broken',
    says: /192\.168\.77\.2\b/,
    ...onPeer(
      `nft 'add table inet doctor { chain in { type filter hook input priority 0; udp dport 8472 drop; }; }'`,
      'nft delete table inet doctor',
    ),
  },
  {
    name: 'every fourth packet to the peer is lost',
    id: 'path.loss',
    says: /192\.168\.77\.2\) \d+ of \d+/,
    ...onPeer(
      `nft 'add table inet doctor { chain in { type filter hook input priority 0; udp dport 8472 numgen inc mod 4 == 0 drop; }; }'`,
      'nft delete table inet doctor',
    ),
  },
  {
    name: 'the way to the peer takes no long packets',
    id: 'path.mtu',
    says: /1450 bytes/,
    ...onPeer(
      `nft 'add table inet doctor { chain in { type filter hook input priority 0; udp dport 8472 meta length > 1400 drop; }; }'`,
      'nft delete table inet doctor',
    ),
  },
  {
    name: 'the runtime has no conf list',
    id: 'pods.no-config',
    says: /net\.d has no conf list/,
    inject: (bench) => mkdir(join(bench.folder, 'net.d'), { recursive: true }),
    mend: noCni,
  },
  {
    name: 'another network’s conf list comes first',
    id: 'pods.no-config',
    says: /00-other\.conf.*ptp/,
    inject: async (bench) => {
      await plugins(bench)
      await Promise.all(
        ['flannel', 'bridge', 'host-local', 'ptp'].map((name) =>
          writeFile(join(bench.folder, 'bin', name), ''),
        ),
      )
      await conflist(bench, '00-other.conf', '{"type":"ptp"}')
      await conflist(bench, '10-flannel.conflist', '{"plugins":[{"type":"flannel"}]}')
    },
  },
  {
    name: 'plugins are missing',
    id: 'pods.no-plugin',
    says: /lacks flannel, bridge, host-local/,
    inject: async (bench) => {
      await noCni(bench)
      await conflist(bench, '10-flannel.conflist', '{"plugins":[{"type":"flannel"}]}')
    },
    mend: noCni,
  },
  {
    name: 'the bridge has an address of an earlier lease',
    id: 'pods.bridge-address',
    says: /10\.244\.250\.1\/24/,
    inject: (bench) => bench.host.ip('address', 'add', '10.244.250.1/24', 'dev', 'cni0'),
    mend: (bench) => bench.host.ip('address', 'delete', '10.244.250.1/24', 'dev', 'cni0'),
  },
  {
    name: 'the bridge has a greater MTU than the network',
    id: 'pods.bridge-mtu',
    says: /cni0 has an MTU of 1500/,
    inject: (bench) => bench.host.ip('link', 'set', 'cni0', 'mtu', '1500'),
    mend: (bench) => bench.host.ip('link', 'set', 'cni0', 'mtu', '1450'),
  },
  {
    name: 'the bridge is down',
    id: 'pods.bridge-down',
    says: /cni0 is down/,
    inject: (bench) => bench.host.ip('link', 'set', 'cni0', 'down'),
  },
  {
    name: 'flanneld runs, too',
    id: 'host.flanneld-too',
    says: /flanneld/,
    inject: async (bench) => {
      const child = bench.host.spawn('sh', [
        '-c',
        'echo flanneld > /proc/self/comm; read line || sleep 60 & wait',
      ])
      strangers.set(bench, () => process.kill(-(child.pid ?? 0), 'SIGKILL'))
      await until(
        'it to have its name',
        async () => (await readFile(`/proc/${child.pid}/comm`, 'utf8')).startsWith('flanneld') || undefined,
      )
    },
    mend: async (bench) => strangers.get(bench)?.(),
  },
  {
    name: 'the agent is not there',
    id: 'agent.absent',
    says: /no agent answers/,
    inject: async () => {},
    args: ['--control-socket=@/none.sock'],
    lasts: true,
  },
]

const strangers = new Map<Bench, () => void>()
