import type { FlagName } from '@selvedge/agent/flags'
import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, withStore } from '../options.js'
import { addFlags, STORE_FLAGS, settingsOf } from '../store/store-flags.js'

const FLAGS = [
  'subnet-file',
  'lease-cache',
  'control-socket',
  'rules-name',
  'public-ip',
  'public-ipv6',
] as const satisfies readonly FlagName[]

export function addCleanupCommand(program: Command, io: CliIo): void {
  const command = program
    .command('cleanup')
    .description('remove all that an overlay, selvedge or flannel, left on this host, after saying what')
    .option('--yes', 'remove it without asking')
    .option('--dry-run', 'only say what would be removed; exit status 2 if there is anything')
    .option('--force', 'although an agent runs, which writes again what is removed')
    .option('--release-lease [bool]', "give this host's lease back too, in the store that the flags name")
    .option('--all', 'show every entry, at a terminal too')
    .addHelpText(
      'after',
      `
For a host that leaves the network for good: its pods lose their connections. The CNI plugin's
bridge and its records are not an overlay's, and stay. Exit status 3: an agent runs, or nobody
agreed; 1: something could not be removed, and everything else is.

Examples:
  sudo selvedge cleanup --dry-run
  sudo selvedge cleanup --yes --release-lease --etcd-endpoints=http://10.0.0.5:2379`,
    )
  addFlags(command, FLAGS)
  withStore(command).action(async () => {
    const { cleanupCommand } = await import('./cleanup.js')
    const { yes = false, dryRun = false, force = false, all = false } = command.opts()
    // As a flag of selvedged's, which this is too, it has come to have a value.
    const releaseLease = [true, 'true'].includes(command.opts().releaseLease)
    const settings = settingsOf(command, io, [...STORE_FLAGS, ...FLAGS])
    await cleanupCommand(contextOf(command, io), settings, { yes, dryRun, force, releaseLease, all })
  })
}
