import { readFile } from 'node:fs/promises'

/** Whether legacy iptables has tables here. Its kernel modules are loaded by looking with it, so this comes first. */
export async function hasLegacyTables(family: 'ip' | 'ip6'): Promise<boolean> {
  return (await readFile(`/proc/net/${family}_tables_names`, 'utf8').catch(() => '')).trim() !== ''
}
