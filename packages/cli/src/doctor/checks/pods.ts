import { containsAddress, printable } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import { type Check, fatal, warning } from '../finding.js'
import { mtuOf, ownLease } from './known.js'

/** The name of flannel's bridge, unless its conf list says otherwise. */
const BRIDGE = 'cni0'

export const podChecks: readonly Check[] = [
  {
    id: 'pods.no-config',
    title: 'the container runtime has a conf list that names flannel',
    find: ({ pods: { configs, configFolder } }) => {
      if (configs === undefined) return []
      const [first] = configs
      if (first === undefined) {
        return [
          fatal(
            `${configFolder} has no conf list: the runtime makes no pods`,
            'install one that names the plugin flannel, such as https://github.com/selvedge/selvedge/tree/main/packages/cni#readme has',
          ),
        ]
      }
      if (first.types.length === 0)
        return [
          fatal(`${configFolder}/${first.file} is no conf list that can be read`, 'correct or remove it'),
        ]
      if (first.types.some((type) => type === 'flannel' || type === 'selvedge')) return []
      return [
        fatal(
          `the runtime takes ${configFolder}/${first.file}, which comes first and names ${first.types.join(', ')}, not flannel`,
          `rm ${configFolder}/${first.file}`,
        ),
      ]
    },
  },
  {
    id: 'pods.no-plugin',
    title: 'the CNI plugins that the conf list names are installed',
    find: ({ pods: { configs, plugins, pluginFolder } }) => {
      const types = configs?.[0]?.types ?? []
      if (types.length === 0) return []
      // What flannel's plugin calls itself.
      const needed = types.includes('flannel') ? [...types, 'bridge', 'host-local'] : types
      const missing = [...new Set(needed)].filter((type) => plugins?.includes(type) !== true)
      return missing.length === 0
        ? []
        : [
            fatal(
              `${pluginFolder} lacks ${missing.join(', ')}: no pod can be made`,
              "apt-get install containernetworking-plugins, or copy them there; flannel's own is in the image",
            ),
          ]
    },
  },
  {
    id: 'pods.bridge-address',
    title: "the pods' bridge has an address of this host's subnet",
    find: (facts) => {
      const lease = ownLease(facts)
      const bridge = facts.network?.links.find(({ ifname }) => ifname === BRIDGE)
      if (lease?.subnet === undefined || bridge === undefined) return []
      const own = bridge.addr_info.filter(({ family }) => family === 'inet')
      const wrong = own.filter(({ local }) => !containsAddress(lease.subnet ?? '', local))
      const [address] = wrong
      if (address === undefined) return []
      return [
        fatal(
          `${BRIDGE} has ${address.local}/${address.prefixlen}, and this host's subnet is ${lease.subnet}: pods of an earlier lease are on it`,
          `drain the host's pods, then: ip address delete ${address.local}/${address.prefixlen} dev ${BRIDGE}`,
        ),
      ]
    },
  },
  {
    id: 'pods.bridge-mtu',
    title: "the pods' bridge and its ports have the network's MTU",
    find: (facts) => {
      const mtu = mtuOf(facts)
      if (mtu === undefined) return []
      return (facts.network?.links ?? [])
        .filter((link) => (link.ifname === BRIDGE || link.master === BRIDGE) && link.mtu > mtu)
        .map(({ ifname, mtu: found }) =>
          warning(
            `${ifname} has an MTU of ${found}, and the network's is ${mtu}: long packets of its pods are lost or cut`,
            ifname === BRIDGE
              ? `ip link set ${ifname} mtu ${mtu}`
              : `make its pod again, or: ip link set ${ifname} mtu ${mtu}`,
          ),
        )
    },
  },
  {
    id: 'pods.bridge-down',
    title: "the pods' bridge is up",
    find: ({ network }) => {
      const bridge = network?.links.find(({ ifname }) => ifname === BRIDGE)
      return bridge === undefined || bridge.flags.includes('UP')
        ? []
        : [fatal(`${BRIDGE} is down: no packet reaches a pod`, `ip link set ${BRIDGE} up`)]
    },
  },
  {
    id: 'pods.status',
    title: 'the CNI plugins say that they are ready (STATUS)',
    find: ({ pods: { notReady } }) =>
      notReady.map(({ plugin, why }) =>
        fatal(
          `the plugin ${printable(plugin)} says that it is not ready: ${printable(why)}`,
          'other findings here may say why; else do what the message says',
        ),
      ),
  },
  {
    id: 'pods.leaked-addresses',
    title: 'no address is given to a pod that is gone',
    find: ({ pods: { silent, given }, ...facts }) => {
      const ports = (facts.network?.links ?? []).filter(({ master }) => master === BRIDGE).length
      if (silent.length === 0) return []
      const shown = silent.slice(0, MAX_SHOWN).map(({ address }) => address)
      return [
        warning(
          `host-local has given ${given.length} addresses, and ${BRIDGE} has ${ports} ports; ${silent.length} answer nothing, such as ${shown.join(', ')}: once the subnet is used up, no pod starts`,
          `rm ${silent.map(({ file }) => file).join(' ')}`,
        ),
      ]
    },
  },
  {
    id: 'pods.service',
    title: "the API server's Service answers this host, if kube-proxy has it in iptables, nftables or IPVS",
    find: (facts) => unanswered(facts, 'tcp', 'accepts no connection: pods do not reach the API server'),
  },
  {
    id: 'pods.dns',
    title: "the cluster's DNS answers this host, if kube-proxy has it in iptables, nftables or IPVS",
    find: (facts) => unanswered(facts, 'udp', 'answers no query: pods resolve no names'),
  },
]

const MAX_SHOWN = 3

const unanswered = ({ services: { probes } }: Facts, protocol: 'tcp' | 'udp', what: string) =>
  probes
    .filter((probe) => probe.protocol === protocol && !probe.answers)
    .map(({ name, address, port, lacks }) => {
      const [why, remedy] = lacks === undefined ? UNKNOWN : LACKS[lacks]
      return fatal(`the Service ${printable(name)} at ${address}, port ${port}, ${what}${why}`, remedy)
    })

const UNKNOWN = [
  '',
  'are its pods ready (kubectl get endpointslices -A), and reached (selvedge trace POD)? else look at kube-proxy on this host',
] as const

/** What kube-proxy's own entries say. */
const LACKS = {
  endpoints: [
    '; kube-proxy has no endpoint for it',
    'none of its pods is ready: kubectl get endpointslices,pods -A; if some are, kube-proxy here is behind: look at its log, and whether it reaches the API server',
  ],
  rules: [
    '; kube-proxy knows it, and has no rule that leads to an endpoint',
    'another program has removed rules of kube-proxy, or it stopped halfway: restart kube-proxy on this host, and see its log',
  ],
} as const
