import type { Host } from '../host.js'
import type { CommandOutput, HostView } from './result.js'

/** How to see the rules that masquerade. */
export const rulesCommand = (nftables: boolean): string =>
  nftables ? 'nft list table ip flannel-ipv4' : 'iptables -t nat -S FLANNEL-POSTRTG'

/** What each host holds: its subnet.env, the kernel's tables as `ip` and `bridge` print them, and a command's output. */
export async function viewHost(
  host: Host,
  subnetEnv: string,
  device: string | undefined,
  rules: string,
): Promise<HostView> {
  const commands = [
    `cat ${subnetEnv}`,
    ...(device === undefined ? [] : [`ip -details link show ${device}`, `ip address show ${device}`]),
    'ip route',
    ...(device === 'flannel.1' ? [`ip neigh show dev ${device}`, `bridge fdb show dev ${device}`] : []),
    rules,
  ]
  return { host: host.name, outputs: await Promise.all(commands.map((command) => show(host, command))) }
}

export async function show(host: Host, command: string): Promise<CommandOutput> {
  const [program = '', ...args] = command.split(' ')
  return { command, output: await host.exec(program, args) }
}
