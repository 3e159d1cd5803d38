import { outputOf } from './run.js'

/** A policy of the kernel's IPsec for packets that leave, as `ip xfrm policy` prints it. */
export interface OutPolicy {
  readonly source: string
  readonly destination: string
  /** The least comes first. */
  readonly priority: number
  /** `plain`: packets leave as they are, or may, since what would encrypt them is optional. */
  readonly action: 'encrypt' | 'plain' | 'block'
}

/** Undefined without the rights, without `ip`, or without IPsec in the kernel. */
export async function outPolicies(): Promise<readonly OutPolicy[] | undefined> {
  const text = await outputOf('ip', ['xfrm', 'policy', 'list', 'nosock', 'dir', 'out'])
  return text === undefined ? undefined : readPolicies(text)
}

/** Those for all packets between two networks: what is for some protocols, ports, marks or devices alone is left out. */
export function readPolicies(text: string): readonly OutPolicy[] {
  // Each begins with its selector, at the start of a line.
  return text.split(/^(?=src )/m).flatMap((block): OutPolicy[] => {
    const [, source, destination, more = ''] = /^src (\S+) dst (\S+)(.*)$/m.exec(block) ?? []
    const [, priority] = /\bdir out\b.*\bpriority (\d+)/.exec(block) ?? []
    if (source === undefined || destination === undefined || priority === undefined) return []
    if (more.trim() !== '' || /^\s+(?:mark|if_id|crypto offload)\b/m.test(block)) return []
    const isOptional = /\blevel use\b/.test(block)
    const encrypts = /^\s+tmpl\b/m.test(block) && !isOptional
    const action = /\baction block\b/.test(block) ? 'block' : encrypts ? 'encrypt' : 'plain'
    return [{ source, destination, priority: Number(priority), action }]
  })
}
