import { parseArgs } from 'node:util'

export const USAGE = `Usage: npm run demo -- [options]

  --hosts N        how many hosts, 2 to 24                          [3]
  --backend TYPE   vxlan, host-gw, ipip, udp, wireguard or ipsec    [vxlan]
  --cni            nodes of Kubernetes whose pods the CNI plugin makes, from the annotations to NAT
  --nftables       traffic rules by nftables instead of iptables
  --keep           keep all of it running until Ctrl-C
  --json           one JSON document instead of text
  --fake           the fake kernel: no root, no namespaces, no packets
  --help           this text
`

const BACKENDS = ['vxlan', 'host-gw', 'ipip', 'udp', 'wireguard', 'ipsec'] as const
export type DemoBackend = (typeof BACKENDS)[number]

export interface DemoOptions {
  hosts: number
  backend: DemoBackend
  nftables: boolean
  cni: boolean
  keep: boolean
  json: boolean
  fake: boolean
  help: boolean
}

/** Reads the command line; throws a TypeError that names the option and the rule it breaks. */
export function parseDemoOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      hosts: { type: 'string', default: '3' },
      backend: { type: 'string', default: 'vxlan' },
      cni: { type: 'boolean', default: false },
      nftables: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      fake: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { backend, ...switches } = values
  const hosts = Number(values.hosts)
  if (!Number.isInteger(hosts) || hosts < 2 || hosts > 24) {
    throw new TypeError(`--hosts is '${values.hosts}'; it must be a whole number from 2 to 24`)
  }
  const known = BACKENDS.find((one) => one === backend)
  if (known === undefined) {
    throw new TypeError(`--backend is '${backend}'; it must be one of ${BACKENDS.join(', ')}`)
  }
  if ((known === 'wireguard' || known === 'ipsec') && switches.fake) {
    throw new TypeError(
      `--backend is ${known}, which the fake kernel does not have: it takes root and namespaces`,
    )
  }
  if (known === 'ipsec' && switches.cni) {
    throw new TypeError('--backend is ipsec, which --cni does not show: its agents would share one charon')
  }
  return { ...switches, hosts, backend: known }
}
