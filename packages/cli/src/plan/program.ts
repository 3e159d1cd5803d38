import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, withAgentFlags } from '../options.js'
import { AGENT_FLAGS, settingsOf } from '../store/store-flags.js'

export function addPlanCommand(program: Command, io: CliIo): void {
  const command = program
    .command('plan')
    .description('what an agent with these flags would change on this host; it changes nothing')
    .option('--json', 'print one JSON document, for programs')
    .option('--all', 'show every change, and every rule of a ruleset')
    .addHelpText(
      'after',
      `
+ an object that would be added, - one that would be deleted, ~ one that would be changed, with
what it is and what it would be; ? what only a start finds out; ! a warning. Of more than 40
changes it shows some of each sort. Exit status 0: nothing would change; 2: something would.

Example:
  sudo selvedge plan --etcd-endpoints=http://10.0.0.5:2379 --ip-masq
  sudo selvedge plan --kube-subnet-mgr --kubeconfig-file=/etc/kubernetes/admin.conf --all`,
    )
  withAgentFlags(command)
  command.action(async () => {
    const { planCommand } = await import('./plan.js')
    const { all = false } = command.opts()
    await planCommand(contextOf(command, io), settingsOf(command, io, AGENT_FLAGS), { all })
  })
}
