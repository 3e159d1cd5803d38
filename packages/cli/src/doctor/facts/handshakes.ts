import { outputOf } from './run.js'

/** When a peer of WireGuard last shook hands. */
export interface Handshake {
  /** CIDRs that are its. */
  readonly allowedIps: readonly string[]
  /** In ms since the epoch; undefined for never. */
  readonly at: number | undefined
}

/** Empty without `wg`, of the package wireguard-tools. No key is asked for but public ones. */
export async function handshakes(): Promise<readonly Handshake[]> {
  const [ips, times] = await Promise.all([
    outputOf('wg', ['show', 'all', 'allowed-ips']),
    outputOf('wg', ['show', 'all', 'latest-handshakes']),
  ])
  const seconds = new Map(rows(times).map(([device, key, time]) => [`${device} ${key}`, Number(time)]))
  return rows(ips).map(([device = '', key = '', list = '']) => {
    const at = seconds.get(`${device} ${key}`)
    return { allowedIps: list.split(' '), at: at === undefined || at === 0 ? undefined : at * 1000 }
  })
}

const rows = (text = ''): readonly string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('flannel'))
    .map((line) => line.split('\t'))
