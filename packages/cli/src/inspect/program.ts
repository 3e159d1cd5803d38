import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, withAgentFlags } from '../options.js'
import { SOCKET } from '../status/program.js'
import { AGENT_FLAGS, settingsOf } from '../store/store-flags.js'

export function addInspectCommand(program: Command, io: CliIo): void {
  const command = program
    .command('inspect')
    .description('everything of the overlay on this host in a page, each entry marked; it changes nothing')
    .option('--json', 'print one JSON document, for programs')
    .option('--all', 'show every entry, however many')
    .option('--graph <file>', 'write the topology and the NAT and forward chains, as .svg or .mmd (Mermaid)')
    .addHelpText(
      'after',
      `
Marks: held: desired, and there; missing: desired, and not there; stale: the overlay's own, and not
desired; foreign: another program's, in the overlay's area. What is desired the agent says, or,
without one, a plan of these flags. Exit status 2: something is missing or stale.

Examples:
  sudo selvedge inspect
  sudo selvedge inspect --graph overlay.svg
  sudo selvedge inspect --json | jq '.entries[] | select(.mark != "held")'`,
    )
  withAgentFlags(command)
  command.action(async () => {
    const { inspectCommand } = await import('./inspect.js')
    const {
      controlSocket = io.variables.FLANNELD_CONTROL_SOCKET || SOCKET,
      all = false,
      graph,
    } = command.opts()
    await inspectCommand(contextOf(command, io), settingsOf(command, io, AGENT_FLAGS), {
      socket: controlSocket,
      all,
      graph,
    })
  })
}
