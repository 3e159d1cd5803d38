import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, withAgentFlags } from '../options.js'
import { SOCKET } from '../status/program.js'
import { AGENT_FLAGS, settingsOf } from '../store/store-flags.js'

export function addTraceCommand(program: Command, io: CliIo): void {
  const command = program
    .command('trace')
    .description("a packet's way, hop by hop: by the kernel's own answers, and by the leases")
    .argument('<a>', 'an address of a pod or a peer: where packets to it go')
    .argument('[b]', 'with it, the way of packets from the first address to this one')
    .option('--json', 'print one JSON document, for programs')
    .option('--no-probe', 'send no ICMP echoes')
    .addHelpText(
      'after',
      `
It sends three ICMP echoes, and changes nothing. Exit status 2: the kernel and the leases differ;
1: they do not, and no echo was answered.

Examples:
  sudo selvedge trace 10.244.7.12
  sudo selvedge trace 10.244.3.5 10.244.7.12 --no-probe`,
    )
  withAgentFlags(command)
  command.action(async (a: string, b: string | undefined) => {
    const { traceCommand } = await import('./trace.js')
    const { controlSocket = io.variables.FLANNELD_CONTROL_SOCKET || SOCKET, probe } = command.opts()
    await traceCommand(contextOf(command, io), settingsOf(command, io, AGENT_FLAGS), {
      addresses: b === undefined ? [a] : [a, b],
      socket: controlSocket,
      probes: probe !== false,
    })
  })
}
