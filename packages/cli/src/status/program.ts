import { flags } from '@selvedge/agent/flags'
import type { Command } from 'commander'
import type { CliIo } from '../io.js'
import { contextOf, parseCount, withStore } from '../options.js'
import { storeSettings } from '../store/store-flags.js'

export const SOCKET = flags['control-socket'].fallback

const DEFAULT_INTERVAL_S = 2

export function addStatusCommand(program: Command, io: CliIo): void {
  const command = program
    .command('status')
    .description('what the agent on this host does: its lease, its store, a line a peer; troubled ones first')
    .option('--control-socket <path>', `the agent's control socket (default ${SOCKET})`)
    .option('--all', 'show every peer, however many')
    .option(
      '--watch [seconds]',
      `draw it again every ${DEFAULT_INTERVAL_S} seconds, until interrupted`,
      parseCount,
    )
    .addHelpText(
      'after',
      `
Without an agent it shows what the store says of this host, and ends with 4. RTT and LOSS are '-'
unless the agent runs with -probe-peers.

Examples:
  sudo selvedge status
  sudo selvedge status --json | jq '.agent.peers[] | select(.failing > 0)'`,
    )
  withStore(command).action(async () => {
    const { statusCommand } = await import('./status.js')
    const {
      controlSocket = io.variables.FLANNELD_CONTROL_SOCKET || SOCKET,
      all = false,
      watch,
    } = command.opts()
    await statusCommand(contextOf(command, io), () => storeSettings(command, io), {
      socket: controlSocket,
      all,
      watch: watch === true ? DEFAULT_INTERVAL_S : watch,
    })
  })
}
