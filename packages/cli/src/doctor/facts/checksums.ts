import { readFile } from 'node:fs/promises'

/** How many packets of other hosts have come with a wrong checksum, since the host started: InCsumErrors. */
export async function wrongChecksums(): Promise<number> {
  const [v4, v6] = await Promise.all(
    ['snmp', 'snmp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  )
  const lines = (v4 ?? '').split('\n')
  let count = 0
  for (const protocol of ['Tcp', 'Udp']) {
    const [names = '', values = ''] = lines.filter((line) => line.startsWith(`${protocol}:`))
    const index = names.split(' ').indexOf('InCsumErrors')
    if (index > 0) count += Number(values.split(' ')[index] ?? 0)
  }
  for (const [, value] of (v6 ?? '').matchAll(/^Udp6InCsumErrors\s+(\d+)$/gm)) count += Number(value)
  return count
}
