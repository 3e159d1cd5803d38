import type { Host } from '../host.js'
import type { CommandOutput, HostView } from './result.js'

/** What each host holds: its subnet.env, and the kernel's tables as `ip` and `bridge` print them. */
export async function viewHost(host: Host, subnetEnv: string, device: string | undefined): Promise<HostView> {
  const commands = [
    `cat ${subnetEnv}`,
    ...(device === undefined ? [] : [`ip -details link show ${device}`, `ip address show ${device}`]),
    'ip route',
    ...(device === undefined ? [] : [`ip neigh show dev ${device}`, `bridge fdb show dev ${device}`]),
  ]
  return { host: host.name, outputs: await Promise.all(commands.map((command) => show(host, command))) }
}

async function show(host: Host, command: string): Promise<CommandOutput> {
  const [program = '', ...args] = command.split(' ')
  return { command, output: await host.exec(program, args) }
}
