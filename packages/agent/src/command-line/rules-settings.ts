import { parseCidr, whyNoRulesetName } from '@selvedge/core/kit'
import { invalid } from './flag-set.js'
import type { SelvedgedFlags } from './flannel-flags.js'

/** Which traffic rules this node has. */
export interface RulesSettings {
  /** Whether traffic that leaves the network is masqueraded. */
  readonly ipMasq: boolean
  /** Whether masquerading takes source ports at random. */
  readonly randomFully: boolean
  /** Networks (CIDR) outside that pods reach with their own address. */
  readonly masqExceptions: readonly string[]
  /** Networks (CIDR) of pods that always keep their own address. */
  readonly keepAddress: readonly string[]
  /** Whether packets from and to the network are accepted in FORWARD. */
  readonly forwardRules: boolean
  /** How often traffic rules are checked if the kernel does not report their changes, in ms. */
  readonly rulesResyncMs: number
  /** What tells the rules from those of other agents on the host; undefined for flannel's own names. */
  readonly rulesName: string | undefined
}

/** A day. */
const MAX_RESYNC_SECONDS = 86_400

/** Throws a UsageError that names the flag and the value. */
export function rulesSettings(values: SelvedgedFlags): RulesSettings {
  const resync = values['iptables-resync']
  if (resync < 1 || resync > MAX_RESYNC_SECONDS) {
    throw invalid('iptables-resync', resync, `it must be 1 to ${MAX_RESYNC_SECONDS}`)
  }
  return {
    ipMasq: values['ip-masq'],
    randomFully: !values['ip-masq-fully-random-disable'],
    masqExceptions: networksOf(values, 'ip-masq-exceptions'),
    keepAddress: networksOf(values, 'ip-masq-keep-address'),
    forwardRules: values['iptables-forward-rules'],
    rulesResyncMs: resync * 1000,
    rulesName: nameOf(values),
  }
}

function networksOf(
  values: SelvedgedFlags,
  flag: 'ip-masq-exceptions' | 'ip-masq-keep-address',
): readonly string[] {
  const networks = values[flag].filter((text) => text !== '')
  const wrong = networks.find((text) => parseCidr(text) === undefined)
  if (wrong === undefined) return networks
  throw invalid(flag, wrong, 'it must be a network such as 10.0.0.0/8')
}

function nameOf({ 'rules-name': name }: SelvedgedFlags): string | undefined {
  if (name === '') return undefined
  const problem = whyNoRulesetName(name)
  if (problem === undefined) return name
  throw invalid('rules-name', name, `it ${problem}`)
}
