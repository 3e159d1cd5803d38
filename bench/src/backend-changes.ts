import { type BackendChange, changeBackend, whyNotOnKernel } from '@selvedge/lab'

export interface MeasuredChange extends BackendChange {
  readonly from: string
  readonly to: string
}

/** Every backend that needs no settings, and of them those that this kernel has. */
const BACKENDS = ['vxlan', 'host-gw', 'udp', 'wireguard', 'ipip'] as const

/**
 * Every change from one backend to another.
 * @param rate echo requests a second, in each direction
 */
export async function measureBackendChanges(
  rate: number,
  signal: AbortSignal,
): Promise<readonly MeasuredChange[]> {
  const types: string[] = []
  for (const type of BACKENDS) {
    const problem = type === 'ipip' ? await whyNotOnKernel(type) : undefined
    if (problem === undefined) types.push(type)
    else process.stderr.write(`${type} is left out: ${problem}\n`)
  }
  const changes: MeasuredChange[] = []
  for (const from of types) {
    for (const to of types.filter((type) => type !== from)) {
      const change = { from: { Type: from }, to: { Type: to }, intervalMs: 1000 / rate, signal }
      changes.push({ from, to, ...(await changeBackend(change)) })
    }
  }
  return changes
}
