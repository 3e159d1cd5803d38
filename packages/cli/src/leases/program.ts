import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, parseCount, withSecrets, withStore } from '../options.js'
import { addFlags, storeSettings, TARGET_FLAGS, TARGET_PREFIX, targetSettings } from '../store/store-flags.js'

export function addLeaseCommands(program: Command, io: CliIo): void {
  const leases = program.command('leases').description('the leases of a store, and its reservations')
  addList(leases, io)
  addShow(leases, io)
  addRelease(leases, io)
  addReserve(leases, io)
  addCopy(leases, io)
}

function addList(leases: Command, io: CliIo): void {
  const command = leases
    .command('list')
    .description('list the leases; a terminal shows the first 50')
    .argument('[filter]', "an address, a subnet, or a part of an address or of a backend's name")
    .option('--limit <n>', 'show the first n', parseCount)
    .option('--all', 'show all, at a terminal too')
    .option('--ends', 'ask etcd when all of them end: a request each; without it, of the first 200')
    .addHelpText(
      'after',
      `
STATE is reserved, ending (less than 30 minutes are left, and nobody has renewed it), or expired.

Examples:
  selvedge leases list
  selvedge leases list 10.244.5.7                     whose pod is this?
  selvedge leases list --local-store /var/lib/overlay --json`,
    )
  withSecrets(withStore(command)).action(async (filter: string | undefined) => {
    const { listCommand } = await import('./list.js')
    const { limit, all = false, ends = false } = command.opts()
    await listCommand(contextOf(command, io), storeSettings(command, io), { filter, limit, all, ends })
  })
}

function addShow(leases: Command, io: CliIo): void {
  const command = leases
    .command('show')
    .description('show a lease with all that its node publishes')
    .argument('<lease>', 'its subnet, its key, an address in it, or the public address of its node')
    .addHelpText('after', '\nExample:\n  selvedge leases show 10.244.5.7')
  withSecrets(withStore(command)).action(async (word: string) => {
    const { showCommand } = await import('./show.js')
    await showCommand(contextOf(command, io), storeSettings(command, io), word)
  })
}

function addRelease(leases: Command, io: CliIo): void {
  const command = leases
    .command('release')
    .description('delete a lease, or a reservation; one that a node may use takes --force')
    .argument('<subnet>', 'its subnet or its key')
    .option('--force', 'although a node may use it')
    .addHelpText(
      'after',
      '\nExample, of a node that is gone for good:\n  selvedge leases release 10.244.5.0/24 --force',
    )
  withStore(command).action(async (subnet: string) => {
    const { releaseCommand } = await import('./release.js')
    const { force = false } = command.opts()
    await releaseCommand(contextOf(command, io), storeSettings(command, io), { subnet, force })
  })
}

function addReserve(leases: Command, io: CliIo): void {
  const command = leases
    .command('reserve')
    .description("reserve a subnet for a node, as flannel knows reservations: a lease that doesn't end")
    .argument('<subnet...>', 'one of each family that the network has')
    .requiredOption('--for <address...>', 'the public address of the node; of both families if it has both')
    .addHelpText('after', '\nExample:\n  selvedge leases reserve 10.244.5.0/24 --for 192.0.2.7')
  withStore(command).action(async (subnets: readonly string[]) => {
    const { reserveCommand } = await import('./reserve.js')
    const addresses: readonly string[] = command.opts().for
    await reserveCommand(contextOf(command, io), storeSettings(command, io), { subnets, addresses })
  })
}

function addCopy(leases: Command, io: CliIo): void {
  const command = leases
    .command('copy')
    .description('copy config, leases and reservations to another store, named by the flags --to-…')
    .option('--dry-run', 'only say what would be copied; exit status 2 if anything would')
    .option('--skip-conflicts', 'copy what does not conflict with what is there, instead of nothing')
    .addHelpText(
      'after',
      `
What is there already stays: run it again to go on after an interruption, or to copy what came
since. If another node has a subnet there, or a node another subnet, nothing is written, and the
exit status is 3.

Example:
  selvedge leases copy --local-store /var/lib/overlay --to-etcd-endpoints https://10.0.0.5:2379`,
    )
  withStore(command)
  addFlags(command, TARGET_FLAGS, TARGET_PREFIX)
  command.action(async () => {
    const { copyCommand } = await import('./copy.js')
    const { dryRun = false, skipConflicts = false } = command.opts()
    const stores = { from: storeSettings(command, io), to: targetSettings(command, io) }
    await copyCommand(contextOf(command, io), { ...stores, dryRun, skipConflicts })
  })
}
