import {
  booleanFlag,
  durationFlag,
  type FlagValues,
  integerFlag,
  listFlag,
  secretFlag,
  stringFlag,
} from './flag-set.js'

const DAY_MS = 24 * 60 * 60 * 1000

/** Every flag of flanneld, v0.20 to v0.28, with its name and its default. */
const flanneld = {
  'etcd-endpoints': stringFlag(
    'http://127.0.0.1:4001,http://127.0.0.1:2379',
    "URLs of the etcd cluster's members, separated by commas",
  ),
  'etcd-prefix': stringFlag('/coreos.com/network', 'prefix of the network in etcd'),
  'etcd-keyfile': stringFlag('', "file with the key of the client's certificate, PEM"),
  'etcd-certfile': stringFlag('', "file with the client's certificate, PEM"),
  'etcd-cafile': stringFlag('', 'file with the certificates that sign those of etcd, PEM'),
  'etcd-username': stringFlag('', 'user name for etcd'),
  'etcd-password': secretFlag('password for etcd; better in FLANNELD_ETCD_PASSWORD, out of sight of ps'),
  'kube-subnet-mgr': booleanFlag(false, 'take leases from Kubernetes nodes instead of etcd'),
  'kube-api-url': stringFlag('', 'URL of the Kubernetes API server; not needed inside a pod'),
  'kube-annotation-prefix': stringFlag(
    'flannel.alpha.coreos.com',
    'beginning of the annotations of nodes; at most one slash',
  ),
  'kubeconfig-file': stringFlag('', 'kubeconfig file; not needed inside a pod'),
  'net-config-path': stringFlag(
    '/etc/kube-flannel/net-conf.json',
    'file with the network config, with -kube-subnet-mgr or -local-store',
  ),
  'set-node-network-unavailable': booleanFlag(
    true,
    "set the node's condition NetworkUnavailable to false once ready, with -kube-subnet-mgr",
  ),
  'use-multi-cluster-cidr': booleanFlag(false, 'has no effect: Kubernetes has no ClusterCIDR any more'),
  iface: listFlag(
    'interface that packets to peers leave by, as a name or an address; of several, the first that exists',
  ),
  'iface-regex': listFlag(
    'the same, by a regular expression for addresses, then names; tried after every -iface',
  ),
  'iface-can-reach': stringFlag(
    '',
    'the same, by an address that its routes lead to; tried after every -iface-regex',
  ),
  'public-ip': stringFlag('', "IPv4 address at which peers reach this host; by default the interface's"),
  'public-ipv6': stringFlag('', "IPv6 address at which peers reach this host; by default the interface's"),
  'subnet-file': stringFlag('/run/flannel/subnet.env', 'file to write the subnet and the MTU to'),
  'subnet-lease-renew-margin': integerFlag(
    60,
    'how many minutes before its end the lease is renewed, 1 to 1439',
  ),
  'ip-masq': booleanFlag(false, 'masquerade traffic that leaves the network'),
  'ip-masq-fully-random-disable': booleanFlag(false, 'masquerade without randomised source ports'),
  'iptables-resync': integerFlag(5, 'how often traffic rules are checked, in seconds'),
  'iptables-forward-rules': booleanFlag(true, 'accept forwarded traffic from and to the network'),
  'ip-blackhole-route': booleanFlag(false, "drop packets to addresses of this host's subnet that no pod has"),
  'healthz-ip': stringFlag('0.0.0.0', 'address for /healthz, /readyz and /metrics'),
  'healthz-port': integerFlag(0, 'port for them; 0 for none'),
  v: integerFlag(0, 'how much to log: 1 adds each change, 4 each detail'),
  vmodule: stringFlag('', 'has no effect'),
  log_backtrace_at: stringFlag('', 'has no effect'),
  version: booleanFlag(false, 'print the version and exit'),
}

/** Flags that flanneld does not have. */
const own = {
  'lease-cache': stringFlag(
    '/var/lib/selvedge/leases',
    'file that keeps the last known leases, to start from while the store is unavailable; empty for none',
  ),
  'control-socket': stringFlag(
    '/run/selvedge/control.sock',
    'Unix socket at which the CNI plugin asks whether the agent is ready, and why not; empty for none',
  ),
  dashboard: booleanFlag(
    false,
    'serve a page for people at /dashboard, beside /healthz; needs -healthz-port',
  ),
  'local-store': stringFlag(
    '',
    'take leases from the embedded store in this file, shared by the agents of one host, instead of etcd',
  ),
  'nats-servers': stringFlag(
    '',
    "URLs of NATS' servers, separated by commas: take leases from a key-value bucket there, instead of etcd",
  ),
  'nats-bucket': stringFlag('selvedge', 'the bucket of the network; made if it is missing'),
  'nats-domain': stringFlag(
    '',
    "JetStream domain of the bucket, if not the servers' own: the hub's, at a leaf node",
  ),
  'nats-creds': stringFlag('', "creds file for NATS: a user's JWT and its key"),
  'nats-nkey': stringFlag('', 'file with the seed of an nkey for NATS'),
  'nats-username': stringFlag('', 'user name for NATS'),
  'nats-password': secretFlag('password for NATS; better in FLANNELD_NATS_PASSWORD, out of sight of ps'),
  'nats-token': secretFlag('token for NATS; better in FLANNELD_NATS_TOKEN, out of sight of ps'),
  'nats-cafile': stringFlag('', 'file with the certificates that sign those of NATS, PEM'),
  'nats-certfile': stringFlag('', "file with this node's certificate for NATS, PEM"),
  'nats-keyfile': stringFlag('', "file with the key of this node's certificate for NATS, PEM"),
  'nats-lease-ttl': durationFlag(DAY_MS, 'term of a lease in NATS unless renewed; at least 5s'),
  'nats-replicas': integerFlag(1, 'on how many servers a bucket that is made is kept; 1, 3 or 5'),
  'ip-masq-exceptions': listFlag(
    'network (CIDR) outside that pods reach with their own address, with -ip-masq',
  ),
  'ip-masq-keep-address': listFlag(
    'network (CIDR) of pods that always keep their own address, with -ip-masq',
  ),
  'rules-name': stringFlag(
    '',
    "name of this agent's traffic rules, if several agents on one host have some; 1 to 12 letters, digits, hyphens",
  ),
  'etcd-lease-ttl': durationFlag(DAY_MS, 'term of a lease in etcd unless renewed; at least 5s'),
  'probe-peers': booleanFlag(
    false,
    'probe peers through the overlay, answer their probes, and report those that are unreachable',
  ),
  'probe-port': integerFlag(8475, 'UDP port of probes, the same on all hosts, with -probe-peers; 1 to 65535'),
  'release-lease': booleanFlag(false, 'release the lease when stopped: for hosts that leave for good'),
}

/** Every flag of `selvedged`, those of flanneld among them, by name. */
export const flags = { ...flanneld, ...own }

export type SelvedgedFlags = FlagValues<typeof flags>
/** The name of a flag of `selvedged`, without hyphens in front. */
export type FlagName = keyof typeof flags & string

/** Flags that flanneld does not have, for the help and the README. */
export const ownFlags: readonly string[] = Object.keys(own)

/** The beginning of the environment variables that set flags. */
export const VARIABLE_PREFIX = 'FLANNELD'

/** flanneld reads this one before its environment, in which images keep their version under that name. */
export const NOT_FROM_ENVIRONMENT: readonly FlagName[] = ['version']
