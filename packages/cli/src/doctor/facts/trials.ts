import { exampleRulesets, type TrialFamilies, whyNoBackend } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { runTool } from '../../tools/run-tool.js'

/** What an agent asks of the kernel and of programs, tried in a network namespace that is gone afterwards. */
export interface TrialFacts {
  /** Rulesets like those of the overlay that are refused. Empty too if there are no rights to try. */
  readonly rules: readonly RefusedRules[]
  /** Why the backend cannot run here; undefined if it can, or if there is nothing to try. */
  readonly backend: string | undefined
}

export interface RefusedRules {
  /** `iptables`, `ip6tables` or `nft`. */
  readonly program: string
  readonly isInstalled: boolean
  /** What it answered. */
  readonly answer: string
  /** What of the rules is refused by itself; empty if nothing is. */
  readonly parts: readonly RulePart[]
}

/** A part of a ruleset, and the kernel's modules of it. */
export interface RulePart {
  readonly name: string
  readonly modules: readonly string[]
  readonly text: string
}

export const NO_TRIALS: TrialFacts = { rules: [], backend: undefined }

export interface TrialOptions {
  readonly settings: Pick<AgentSettings, 'ipMasq' | 'forwardRules'>
  readonly families: TrialFamilies
  readonly byNftables: boolean
  /** Undefined if it is known to run. */
  readonly backend: string | undefined
  readonly signal: AbortSignal
}

export async function trialFacts(options: TrialOptions): Promise<TrialFacts> {
  const { settings, families, byNftables, backend, signal } = options
  const [rulesets, why] = await Promise.all([
    exampleRulesets(settings, families, byNftables),
    backend === undefined ? undefined : whyNoBackend(backend, signal),
  ])
  if (!(await hasNamespaces(signal))) return { rules: [], backend: why }
  const refused = await Promise.all(
    rulesets.map(({ mode, family, text }) =>
      tryRules(mode === 'nftables' ? 'nft' : family === 4 ? 'iptables' : 'ip6tables', family, text, signal),
    ),
  )
  return { rules: refused.filter((each) => each !== undefined), backend: why }
}

const hasNamespaces = async (signal: AbortSignal): Promise<boolean> =>
  (await inNamespace(['true'], '', signal))?.status === 0

async function tryRules(
  program: string,
  family: 4 | 6,
  text: string,
  signal: AbortSignal,
): Promise<RefusedRules | undefined> {
  const refusalOf = (input: string) => refusal(commandOf(program), input, signal)
  const answer = await refusalOf(text)
  if (answer === undefined) return undefined
  const isInstalled = (await runTool(program, ['--version'], { signal }).catch(() => undefined)) !== undefined
  const parts = isInstalled ? partsOf(program, family) : []
  const refused = await Promise.all(parts.map(({ text: part }) => refusalOf(part)))
  return { program, isInstalled, answer, parts: parts.filter((_, index) => refused[index] !== undefined) }
}

/** iptables waits a moment for its lock, which is one of the whole host. */
const commandOf = (program: string): readonly string[] =>
  program === 'nft' ? ['nft', '-f', '-'] : [`${program}-restore`, '--noflush', '--wait', '2']

/** What the program answers if it does not take this; undefined if it does, or if it is not known. */
async function refusal(
  command: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const output = await inNamespace(command, input, signal)
  if (output === undefined || output.status === 0 || output.status === null) return undefined
  const text = output.stderr.trim()
  return /xtables lock/.test(text) ? undefined : text
}

const inNamespace = (command: readonly string[], input: string, signal: AbortSignal) =>
  runTool(
    'sh',
    ['-c', 'input=$1; shift; printf %s "$input" | unshare --net -- "$@"', 'sh', input, ...command],
    {
      signal,
    },
  ).catch(() => undefined)

const iptablesTable = (table: string, ...rules: string[]): string => `*${table}\n${rules.join('')}COMMIT\n`

/** In the order in which the later need the earlier. */
export function partsOf(program: string, family: 4 | 6): readonly RulePart[] {
  if (program === 'nft') {
    const ip = family === 4 ? 'ip' : 'ip6'
    const chain = (type: string, hook: string, priority: number, rule = ''): string =>
      `table ${ip} trial {\n\tchain trial {\n\t\ttype ${type} hook ${hook} priority ${priority}; policy accept;\n\t\t${rule}\n\t}\n}\n`
    return [
      { name: `tables of ${ip}`, modules: ['nf_tables'], text: `table ${ip} trial {\n}\n` },
      { name: 'chains of type filter', modules: ['nf_tables'], text: chain('filter', 'forward', 0) },
      { name: 'chains of type nat', modules: ['nft_chain_nat'], text: chain('nat', 'postrouting', 100) },
      { name: 'counter', modules: ['nft_counter'], text: chain('filter', 'forward', 0, 'counter') },
      { name: 'masquerade', modules: ['nft_masq'], text: chain('nat', 'postrouting', 100, 'masquerade') },
    ]
  }
  const ip = family === 4 ? 'ip' : 'ip6'
  return [
    {
      name: 'table filter',
      modules: [`${ip}table_filter`, 'nf_tables', 'nft_compat'],
      text: iptablesTable('filter'),
    },
    { name: 'table nat', modules: [`${ip}table_nat`, 'nft_chain_nat'], text: iptablesTable('nat') },
    {
      name: 'match comment',
      modules: ['xt_comment'],
      text: iptablesTable('filter', '-A FORWARD -m comment --comment trial -j ACCEPT\n'),
    },
    {
      name: 'match mark',
      modules: ['xt_mark'],
      text: iptablesTable('filter', '-A FORWARD -m mark --mark 0x1/0x1 -j ACCEPT\n'),
    },
    {
      name: 'target MASQUERADE',
      modules: ['xt_MASQUERADE', 'nft_masq'],
      text: iptablesTable('nat', '-A POSTROUTING -j MASQUERADE\n'),
    },
  ]
}
