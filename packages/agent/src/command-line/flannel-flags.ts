import {
  booleanFlag,
  durationFlag,
  type FlagValues,
  integerFlag,
  listFlag,
  secretFlag,
  stringFlag,
} from './flag-set.js'

const DAY = 24 * 60 * 60 * 1000

/** Every flag of flanneld, v0.20 to v0.28, under its name and with its default. */
const flanneld = {
  'etcd-endpoints': stringFlag(
    'http://127.0.0.1:4001,http://127.0.0.1:2379',
    "URLs of the etcd cluster's members, separated by commas",
  ),
  'etcd-prefix': stringFlag('/coreos.com/network', 'where etcd holds the network'),
  'etcd-keyfile': stringFlag('', "file with the key of the client's certificate, PEM"),
  'etcd-certfile': stringFlag('', "file with the client's certificate, PEM"),
  'etcd-cafile': stringFlag('', 'file with the certificates that sign those of etcd, PEM'),
  'etcd-username': stringFlag('', 'user name for etcd'),
  'etcd-password': secretFlag('password for etcd; better in FLANNELD_ETCD_PASSWORD, out of sight of ps'),
  'kube-subnet-mgr': booleanFlag(false, 'take leases from Kubernetes nodes instead of etcd'),
  'kube-api-url': stringFlag('', 'URL of the Kubernetes API server; not needed inside a pod'),
  'kube-annotation-prefix': stringFlag(
    'flannel.alpha.coreos.com',
    'what the annotations of nodes begin with; at most one slash',
  ),
  'kubeconfig-file': stringFlag('', 'kubeconfig file; not needed inside a pod'),
  'net-config-path': stringFlag(
    '/etc/kube-flannel/net-conf.json',
    'file with the network config, with -kube-subnet-mgr',
  ),
  'set-node-network-unavailable': booleanFlag(
    true,
    "set the node's condition NetworkUnavailable to false once ready, with -kube-subnet-mgr",
  ),
  iface: listFlag(
    'interface to peers, by name or address; given several times, the first that is there counts',
  ),
  'iface-regex': listFlag(
    'the same by a regular expression on addresses, then on names; looked at after every -iface',
  ),
  'iface-can-reach': stringFlag(
    '',
    'the same by the address that it leads to; looked at after every -iface-regex',
  ),
  'public-ip': stringFlag('', "IPv4 address at which peers reach this host; the interface's where absent"),
  'public-ipv6': stringFlag('', "IPv6 address at which peers reach this host; the interface's where absent"),
  'subnet-file': stringFlag('/run/flannel/subnet.env', 'file to write the subnet and the MTU to'),
  'subnet-lease-renew-margin': integerFlag(
    60,
    'how many minutes before its end the lease is renewed, 1 to 1439',
  ),
  'ip-masq': booleanFlag(false, 'masquerade what leaves the network'),
  'ip-masq-fully-random-disable': booleanFlag(false, 'masquerade without randomised source ports'),
  'iptables-resync': integerFlag(5, 'how often traffic rules are checked, in seconds'),
  'iptables-forward-rules': booleanFlag(true, 'let traffic from and to the network be forwarded'),
  'ip-blackhole-route': booleanFlag(
    false,
    "drop what is sent to addresses of this host's subnet that no pod has",
  ),
  'healthz-ip': stringFlag('0.0.0.0', 'address to serve /healthz, /readyz and /metrics at'),
  'healthz-port': integerFlag(0, 'port to serve them at; 0 for not at all'),
  v: integerFlag(0, 'how much to log: 1 adds each change, 4 each detail'),
  vmodule: stringFlag('', 'has no effect'),
  log_backtrace_at: stringFlag('', 'has no effect'),
  version: booleanFlag(false, 'print the version and exit'),
}

/** What flanneld has not. */
const own = {
  'lease-cache': stringFlag(
    '/var/lib/selvedge/leases',
    'file that keeps the last known leases, to start from while etcd is away; empty for none',
  ),
  'etcd-lease-ttl': durationFlag(DAY, 'how long a lease in etcd lasts unless renewed; at least 5s'),
  'release-lease': booleanFlag(false, 'give the lease back when stopped: for hosts that leave for good'),
}

export const flags = { ...flanneld, ...own }

export type SelvedgedFlags = FlagValues<typeof flags>
export type FlagName = keyof typeof flags & string

/** Flags that flanneld has not; for the help and the README. */
export const ownFlags: readonly string[] = Object.keys(own)

/** Begins the names of the environment variables that stand for flags. */
export const VARIABLE_PREFIX = 'FLANNELD'

/** flanneld looks at this one before it looks at its environment, where images keep their version under that name. */
export const NOT_FROM_ENVIRONMENT: readonly FlagName[] = ['version']
