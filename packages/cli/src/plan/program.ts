import { type FlagName, flags } from '@selvedge/agent/flags'
import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf } from '../options.js'
import { addFlags, settingsOf } from '../store/store-flags.js'

const NAMES = (Object.keys(flags) as FlagName[]).filter((name) => name !== 'version' && name !== 'v')

export function addPlanCommand(program: Command, io: CliIo): void {
  const command = program
    .command('plan')
    .description('what an agent with these flags would change on this host; it changes nothing')
    .option('--json', 'print one JSON document, for programs')
    .option('--all', 'show every entry, at a terminal too')
    .addHelpText(
      'after',
      `
+ an entry that would be written, - one that would be deleted, ~ what would be written anew. Exit
status 0: nothing would change; 2: something would. With the backends vxlan, host-gw, ipip and
alloc, on etcd or a local store.

Example:
  sudo selvedge plan --etcd-endpoints=http://10.0.0.5:2379 --ip-masq`,
    )
  addFlags(command, NAMES)
  command.action(async () => {
    const { planCommand } = await import('./plan.js')
    const { all = false } = command.opts()
    await planCommand(contextOf(command, io), settingsOf(command, io, NAMES), { all })
  })
}
