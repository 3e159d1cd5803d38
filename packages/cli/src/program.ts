import { Argument, Command } from 'commander'
import { addBugreportCommand } from './bugreport/program.js'
import { addCleanupCommand } from './cleanup/program.js'
import { addConfigCommands } from './config/program.js'
import { addDoctorCommand } from './doctor/program.js'
import { EXIT_HELP } from './exit-codes.js'
import { addInspectCommand } from './inspect/program.js'
import type { CliIo } from './io.js'
import { addLeaseCommands } from './leases/program.js'
import { addPlanCommand } from './plan/program.js'
import { addStatusCommand } from './status/program.js'
import { addTraceCommand } from './trace/program.js'

const MAX_WIDTH = 100

/** The tree of commands. What a command does is imported when it runs. */
export function buildProgram(io: CliIo): Command {
  const program = new Command('selvedge')
  program
    .description("An operator's view of an overlay network: its agent, its leases, its config.")
    .version(`selvedge ${io.version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(--help lists what there is)')
    .addHelpText('after', `\n${EXIT_HELP}`)
  addStatusCommand(program, io)
  addDoctorCommand(program, io)
  addPlanCommand(program, io)
  addInspectCommand(program, io)
  addTraceCommand(program, io)
  addLeaseCommands(program, io)
  addConfigCommands(program, io)
  addBugreportCommand(program, io, buildProgram)
  addCleanupCommand(program, io)
  addCompletion(program, io)
  return inheritSettings(program, io)
}

function addCompletion(program: Command, io: CliIo): void {
  program
    .command('completion')
    .description('print the completion of a shell')
    .addArgument(new Argument('<shell>', 'whose').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  source <(selvedge completion bash)
  selvedge completion zsh > "\${fpath[1]}/_selvedge"
  selvedge completion fish > ~/.config/fish/completions/selvedge.fish`,
    )
    .action(async (shell: string) => {
      const { completionOf } = await import('./completion/scripts.js')
      io.stdout(completionOf(shell, program))
    })
}

/** For every command: errors are thrown, output is handed on, and help fits a page. */
function inheritSettings(command: Command, io: CliIo): Command {
  const width = Math.min(MAX_WIDTH, io.columns ?? MAX_WIDTH)
  command.exitOverride()
  command.configureOutput({
    writeOut: io.stdout,
    writeErr: io.stderr,
    getOutHelpWidth: () => width,
    getErrHelpWidth: () => width,
  })
  command.configureHelp({ sortSubcommands: false })
  for (const child of command.commands) inheritSettings(child, io)
  return command
}
