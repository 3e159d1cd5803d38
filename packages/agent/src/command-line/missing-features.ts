import { UsageError } from './flag-set.js'
import type { FlagName, SelvedgedFlags } from './flannel-flags.js'

/** A flag of flanneld whose feature is not in selvedge. It is never passed over in silence. */
interface Absent {
  readonly flag: FlagName
  /** Whether what is asked for is what is absent. */
  readonly asked: (values: SelvedgedFlags, given: ReadonlySet<FlagName>) => boolean
  /** Refused where starting without it would do another thing than was asked for; else told. */
  readonly answer: 'refuse' | 'warn'
  readonly says: string
}

const given =
  (flag: FlagName): Absent['asked'] =>
  (_, given) =>
    given.has(flag)

const withoutKubernetes = (flag: FlagName): Absent => ({
  flag,
  asked: (values, given) => given.has(flag) && !values['kube-subnet-mgr'],
  answer: 'warn',
  says: 'has no effect without -kube-subnet-mgr',
})

const absent: readonly Absent[] = [
  withoutKubernetes('kube-api-url'),
  withoutKubernetes('kube-annotation-prefix'),
  withoutKubernetes('kubeconfig-file'),
  withoutKubernetes('net-config-path'),
  withoutKubernetes('set-node-network-unavailable'),
  {
    flag: 'ip-masq',
    asked: (values) => values['ip-masq'],
    answer: 'refuse',
    says:
      'masquerading is not in this version, and pods would reach nothing outside the network; leave the flag out: ' +
      'subnet.env then tells the CNI plugin to masquerade',
  },
  {
    flag: 'ip-masq-fully-random-disable',
    asked: given('ip-masq-fully-random-disable'),
    answer: 'warn',
    says: 'has no effect: masquerading is not in this version',
  },
  {
    flag: 'iptables-forward-rules',
    asked: (values) => values['iptables-forward-rules'],
    answer: 'warn',
    says:
      "forward rules are not in this version: where the policy of iptables' FORWARD chain is DROP, as Docker sets " +
      'it, accept traffic from and to the network yourself; -iptables-forward-rules=false says that this is done',
  },
  {
    flag: 'iptables-resync',
    asked: given('iptables-resync'),
    answer: 'warn',
    says: 'has no effect: traffic rules are not in this version',
  },
  {
    flag: 'ip-blackhole-route',
    asked: (values) => values['ip-blackhole-route'],
    answer: 'warn',
    says: 'the blackhole route is not in this version: what is sent to an address that no pod has takes the default route',
  },
  { flag: 'vmodule', asked: given('vmodule'), answer: 'warn', says: 'has no effect; use -v' },
  { flag: 'log_backtrace_at', asked: given('log_backtrace_at'), answer: 'warn', says: 'has no effect' },
]

/** A sentence for each flag that is told; throws a UsageError for one that is refused. */
export function absentFeatures(values: SelvedgedFlags, given: ReadonlySet<FlagName>): readonly string[] {
  const warnings: string[] = []
  for (const { flag, asked, answer, says } of absent) {
    if (!asked(values, given)) continue
    if (answer === 'refuse') throw new UsageError(`flag -${flag}: ${says}`)
    warnings.push(`flag -${flag}: ${says}`)
  }
  return warnings
}
