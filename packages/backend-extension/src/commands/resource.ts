import type { Resource } from '@selvedge/core'
import type { ConfiguredCommand } from './run.js'

/** A command that has been run, or is to be: what it was run with, and what undoes it. */
export interface CommandResource extends Resource {
  readonly kind: 'command'
  /** What it is run for, for messages: `10.244.2.0/24`. */
  readonly subject: string
  /** Run when it is put. Absent: there is nothing to run. */
  readonly add?: ConfiguredCommand | undefined
  /** Run when it is deleted, or before it is put with another environment or input. */
  readonly remove?: ConfiguredCommand | undefined
  /** Besides the environment that every command gets: SUBNET, PUBLIC_IP and so on. */
  readonly environment: Readonly<Record<string, string>>
  /** For its standard input. */
  readonly input: string
  /**
   * Differs from start to start if the start-up commands may have recreated what it added to, such as a device: it is
   * then run again.
   */
  readonly startup: string
  /** Always desired. One that began and has not succeeded is false. */
  readonly done: boolean
}

const commandKey = (what: string): string => `command ${what}`

/** What the command of this node's own start is for. */
export const STARTUP = 'startup'
/** The key of that command: once it is put, the shutdown command is owed. */
export const STARTUP_KEY = commandKey(STARTUP)

export function command(
  fields: Omit<CommandResource, 'kind' | 'key' | 'done'> & { what: string },
): CommandResource {
  const { what, ...rest } = fields
  return { kind: 'command', key: commandKey(what), ...rest, done: true }
}
