import { UsageError } from './flag-set.js'
import { type FlagName, flags, type SelvedgedFlags } from './flannel-flags.js'

/** A flag of flanneld whose feature this version lacks. It is never ignored silently. */
interface MissingFeature {
  readonly flag: FlagName
  /** Whether the flags ask for what is missing. */
  readonly isRequested: (values: SelvedgedFlags, given: ReadonlySet<FlagName>) => boolean
  /** `refuse` if a start without it would do something else than requested. */
  readonly reaction: 'refuse' | 'warn'
  readonly explanation: string
}

const given =
  (flag: FlagName): MissingFeature['isRequested'] =>
  (_, given) =>
    given.has(flag)

const withoutKubernetes = (flag: FlagName): MissingFeature => ({
  flag,
  isRequested: (values, given) => given.has(flag) && !values['kube-subnet-mgr'],
  reaction: 'warn',
  explanation: 'has no effect without -kube-subnet-mgr',
})

/** What says how NATS is reached, and who this node is there. */
const NATS_FLAGS = Object.keys(flags).filter(
  (name): name is FlagName => name.startsWith('nats-') && name !== 'nats-servers',
)

const withoutNats = (flag: FlagName): MissingFeature => ({
  flag,
  isRequested: (values, given) => given.has(flag) && values['nats-servers'] === '',
  reaction: 'warn',
  explanation: 'has no effect without -nats-servers',
})

const missing: readonly MissingFeature[] = [
  withoutKubernetes('kube-api-url'),
  withoutKubernetes('kube-annotation-prefix'),
  withoutKubernetes('kubeconfig-file'),
  {
    flag: 'net-config-path',
    isRequested: (values, given) =>
      given.has('net-config-path') && !values['kube-subnet-mgr'] && values['local-store'] === '',
    reaction: 'warn',
    explanation: 'has no effect without -kube-subnet-mgr or -local-store',
  },
  withoutKubernetes('set-node-network-unavailable'),
  ...NATS_FLAGS.map(withoutNats),
  {
    flag: 'ip-masq-fully-random-disable',
    isRequested: (values, given) => given.has('ip-masq-fully-random-disable') && !values['ip-masq'],
    reaction: 'warn',
    explanation: 'has no effect without -ip-masq',
  },
  {
    flag: 'use-multi-cluster-cidr',
    isRequested: given('use-multi-cluster-cidr'),
    reaction: 'warn',
    explanation:
      'has no effect: Kubernetes has no ClusterCIDR any more, and nodes have their PodCIDRs from its controller manager',
  },
  { flag: 'vmodule', isRequested: given('vmodule'), reaction: 'warn', explanation: 'has no effect; use -v' },
  {
    flag: 'log_backtrace_at',
    isRequested: given('log_backtrace_at'),
    reaction: 'warn',
    explanation: 'has no effect',
  },
]

/** A warning for each missing feature that is requested; throws a UsageError for one that must be refused. */
export function missingFeatures(values: SelvedgedFlags, given: ReadonlySet<FlagName>): readonly string[] {
  const warnings: string[] = []
  for (const { flag, isRequested, reaction, explanation } of missing) {
    if (!isRequested(values, given)) continue
    if (reaction === 'refuse') throw new UsageError(`flag -${flag}: ${explanation}`)
    warnings.push(`flag -${flag}: ${explanation}`)
  }
  return warnings
}
