import { outputOf } from './run.js'

/** When a peer of WireGuard last shook hands. */
export interface Handshake {
  /** CIDRs that are its. */
  readonly allowedIps: readonly string[]
  /** In ms since the epoch; undefined for never. */
  readonly at: number | undefined
  /** Where its last packet came from, or packets to it go: `192.0.2.2:51820`, `[2001:db8::2]:51820`, `(none)`. */
  readonly endpoint: string
}

/** Empty without `wg`, of the package wireguard-tools. No key is asked for but public ones. */
export async function handshakes(): Promise<readonly Handshake[]> {
  const [ips, times, ends] = await Promise.all([
    outputOf('wg', ['show', 'all', 'allowed-ips']),
    outputOf('wg', ['show', 'all', 'latest-handshakes']),
    outputOf('wg', ['show', 'all', 'endpoints']),
  ])
  const seconds = new Map(rows(times).map(([device, key, time]) => [`${device} ${key}`, Number(time)]))
  const endpoints = new Map(rows(ends).map(([device, key, end = '']) => [`${device} ${key}`, end]))
  return rows(ips).map(([device = '', key = '', list = '']) => {
    const at = seconds.get(`${device} ${key}`)
    return {
      allowedIps: list.split(' '),
      at: at === undefined || at === 0 ? undefined : at * 1000,
      endpoint: endpoints.get(`${device} ${key}`) ?? '',
    }
  })
}

const rows = (text = ''): readonly string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('flannel'))
    .map((line) => line.split('\t'))
