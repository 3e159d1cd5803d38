import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, withSecrets, withStore } from '../options.js'
import { storeSettings } from '../store/store-flags.js'

const FILE = 'the file with the config, as flannel has it; - for standard input'

export function addConfigCommands(program: Command, io: CliIo): void {
  const config = program.command('config').description('the network config of a store')
  addShow(config, io)
  addCheck(config, io)
  addDiff(config, io)
  addSet(config, io)
}

function addShow(config: Command, io: CliIo): void {
  const command = config
    .command('show')
    .description('print the config as it is stored; with --json also its digest, and its defaults')
    .addHelpText(
      'after',
      `
Example, to change it:
  selvedge config show --show-secrets > net-conf.json`,
    )
  withSecrets(withStore(command)).action(async () => {
    const { showConfig } = await import('./commands.js')
    await showConfig(contextOf(command, io), storeSettings(command, io))
  })
}

function addCheck(config: Command, io: CliIo): void {
  const command = config
    .command('check')
    .description('check a config: its rules, its backend, and what the leases in the store contradict')
    .argument('<file>', FILE)
    .option('--offline', 'by itself, without a store')
    .addHelpText('after', '\nExample:\n  selvedge config check net-conf.json --offline')
  withSecrets(withStore(command)).action(async (file: string) => {
    const { checkConfig } = await import('./commands.js')
    const settings = command.opts().offline === true ? undefined : storeSettings(command, io)
    await checkConfig(contextOf(command, io), settings, file)
  })
}

function addDiff(config: Command, io: CliIo): void {
  const command = config
    .command('diff')
    .description('what differs between a config and that of the store; exit status 2 if anything does')
    .argument('<file>', FILE)
    .addHelpText('after', '\nExample:\n  selvedge config diff net-conf.json')
  withSecrets(withStore(command)).action(async (file: string) => {
    const { diffConfig } = await import('./commands.js')
    await diffConfig(contextOf(command, io), storeSettings(command, io), file)
  })
}

function addSet(config: Command, io: CliIo): void {
  const command = config
    .command('set')
    .description('write a config that is valid and does the nodes no harm')
    .argument('<file>', FILE)
    .option('--dry-run', 'only show what would change; exit status 2 if anything would')
    .option('--force', 'although nodes lose connections or addresses by it')
    .option('--if-digest <digest>', 'only if the stored one has this digest (config show --json)')
    .addHelpText(
      'after',
      `
It is written only if the store still holds what was compared: of two operators at once, one is
refused with exit status 3.

Examples:
  selvedge config set net-conf.json --dry-run
  selvedge config set net-conf.json`,
    )
  withSecrets(withStore(command)).action(async (file: string) => {
    const { setConfig } = await import('./commands.js')
    const { dryRun = false, force = false, ifDigest } = command.opts()
    await setConfig(contextOf(command, io), storeSettings(command, io), { file, dryRun, force, ifDigest })
  })
}
