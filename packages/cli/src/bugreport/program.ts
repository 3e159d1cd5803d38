import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, withAgentFlags } from '../options.js'
import { AGENT_FLAGS, argumentsOf, settingsOf } from '../store/store-flags.js'

/** @param build makes the program anew: the report runs its commands */
export function addBugreportCommand(program: Command, io: CliIo, build: (io: CliIo) => Command): void {
  const command = program
    .command('bugreport')
    .description('one archive of all that the other commands and the kernel say, without secrets')
    .argument('[file]', 'the .tar.gz to make (default: by host and time, in the current folder)')
    .option('--json', 'print one JSON document, for programs')
    .addHelpText(
      'after',
      `
The file must not be there yet, and only its owner can read it. It takes at most a minute.

Example:
  sudo selvedge bugreport --etcd-endpoints=http://10.0.0.5:2379`,
    )
  withAgentFlags(command)
  command.action(async (file: string | undefined) => {
    const { bugreportCommand } = await import('./bugreport.js')
    await bugreportCommand(contextOf(command, io), settingsOf(command, io, AGENT_FLAGS), {
      file,
      args: argumentsOf(command, AGENT_FLAGS, ''),
      build,
    })
  })
}
