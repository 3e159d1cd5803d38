import { type Command, InvalidArgumentError } from 'commander'
import type { Context } from './context.js'
import type { CliIo } from './io.js'
import { Page } from './output/page.js'
import { AGENT_FLAGS, addFlags, addOtherFlags, STORE_FLAGS } from './store/store-flags.js'

/** The options that every command with a store has, after its own. */
export function withStore(command: Command): Command {
  command.option('--json', 'print one JSON document, for programs')
  addFlags(command, STORE_FLAGS)
  addOtherFlags(command)
  return command
}

/** The command goes by all that an agent with the same flags would. */
export function withAgentFlags(command: Command): Command {
  addFlags(
    command,
    AGENT_FLAGS.filter((name) => name !== 'v'),
  )
  addOtherFlags(command)
  return command
}

export const withSecrets = (command: Command): Command =>
  command.option('--show-secrets', 'do not redact pre-shared keys and the like')

export const contextOf = (command: Command, io: CliIo): Context => ({
  io,
  page: new Page(io, { json: command.getOptionValue('json') === true }),
  showSecrets: command.getOptionValue('showSecrets') === true,
})

/** For options that are a count of something. */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number above 0.')
}
