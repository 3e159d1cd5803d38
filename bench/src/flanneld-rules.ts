import { run } from '@selvedge/lab'
import { childrenCpuMs } from './children-cpu.js'

const MASQ = ['-m', 'comment', '--comment', 'flanneld masq', '-j']
const FORWARD = ['-m', 'comment', '--comment', 'flanneld forward', '-j']

interface Rule {
  readonly table: 'nat' | 'filter'
  readonly chain: string
  readonly spec: readonly string[]
}

/** The rules that flanneld looks for, and how. */
function flanneldRules(network: string, subnet: string, multicast: string): readonly Rule[] {
  const masq = (chain: string, ...spec: readonly string[]): Rule => ({ table: 'nat', chain, spec })
  const forward = (chain: string, ...spec: readonly string[]): Rule => ({ table: 'filter', chain, spec })
  return [
    masq('POSTROUTING', ...MASQ, 'FLANNEL-POSTRTG'),
    masq('FLANNEL-POSTRTG', '-m', 'mark', '--mark', '0x4000/0x4000', ...MASQ, 'RETURN'),
    masq('FLANNEL-POSTRTG', '-s', subnet, '-d', network, ...MASQ, 'RETURN'),
    masq('FLANNEL-POSTRTG', '-s', network, '-d', subnet, ...MASQ, 'RETURN'),
    masq('FLANNEL-POSTRTG', '!', '-s', network, '-d', subnet, ...MASQ, 'RETURN'),
    masq('FLANNEL-POSTRTG', '-s', network, '!', '-d', multicast, ...MASQ, 'MASQUERADE', '--random-fully'),
    masq('FLANNEL-POSTRTG', '!', '-s', network, '-d', network, ...MASQ, 'MASQUERADE', '--random-fully'),
    forward('FORWARD', ...FORWARD, 'FLANNEL-FWD'),
    forward('FLANNEL-FWD', '-s', network, ...FORWARD, 'ACCEPT'),
    forward('FLANNEL-FWD', '-d', network, ...FORWARD, 'ACCEPT'),
  ]
}

const FAMILIES = [
  { program: 'iptables', rules: flanneldRules('10.244.0.0/16', '10.244.1.0/24', '224.0.0.0/4') },
  { program: 'ip6tables', rules: flanneldRules('fd00:244::/48', 'fd00:244:0:1::/64', 'ff00::/8') },
]

/**
 * CPU of what flanneld runs to look at its rules this often, in ms: for each rule one iptables that looks for the chain
 * and one that looks for the rule. Its own is not counted. It runs in a host's namespace, which has the rules.
 */
export async function measureFlanneldAtRest(
  namespace: string,
  variant: string,
  resyncs: number,
): Promise<number> {
  const commands = FAMILIES.flatMap(({ program, rules }) =>
    rules.flatMap(({ table, chain, spec }) => {
      const tool = `${program}-${variant} --wait -t ${table}`
      const own = table === 'nat' ? 'FLANNEL-POSTRTG' : 'FLANNEL-FWD'
      return [`${tool} -S ${own} 1`, `${tool} -C ${chain} ${spec.map((word) => `'${word}'`).join(' ')}`]
    }),
  )
  const before = await childrenCpuMs()
  await run(
    'ip',
    ['netns', 'exec', namespace, 'sh', '-ec'].concat(
      `for i in $(seq ${resyncs}); do\n${commands.join('\n')}\ndone > /dev/null`,
    ),
  )
  return (await childrenCpuMs()) - before
}
