import type { NetworkConfig } from '@selvedge/core'
import { backendSection, booleanField, type Field, integerField } from '@selvedge/core/kit'
import { type ConfiguredCommand, DEFAULT_TIMEOUT_S } from './commands/index.js'

export const TYPE = 'extension'

/** The settings in force: the network config's Backend section. A command that is absent is not run. */
export interface ExtensionSettings {
  /** `PreStartupCommand`: before there is a lease; what it prints is published. */
  readonly preStartup: ConfiguredCommand | undefined
  /** `PostStartupCommand`: once there is a lease, at each start. */
  readonly postStartup: ConfiguredCommand | undefined
  /** `SubnetAddCommand`: for each peer. */
  readonly subnetAdd: ConfiguredCommand | undefined
  /** `SubnetRemoveCommand`: for each peer that has left. */
  readonly subnetRemove: ConfiguredCommand | undefined
  /** `ShutdownCommand`: when the overlay stops. k3s writes it; flannel ignores it. */
  readonly shutdown: ConfiguredCommand | undefined
  /** `CommandTimeout`: how long one run of a command may take, in ms. */
  readonly timeoutMs: number
}

const MAX_TIMEOUT_S = 3_600

/** Raw, so that no message quotes it: it may hold a secret. */
const commandField: Field<string | null | undefined> = {
  rule: 'must be text',
  fallback: undefined,
  accepts: (value) => value === null || typeof value === 'string',
  raw: true,
}

const SECTION = backendSection(TYPE, {
  PreStartupCommand: commandField,
  PostStartupCommand: commandField,
  SubnetAddCommand: commandField,
  SubnetRemoveCommand: commandField,
  ShutdownCommand: commandField,
  Shell: booleanField(false),
  CommandTimeout: integerField(1, MAX_TIMEOUT_S, DEFAULT_TIMEOUT_S),
})

/** Throws an OverlayError of code `INVALID_CONFIG` that names the key and its rule. */
export function readSettings(config: NetworkConfig): ExtensionSettings {
  const values = SECTION.read(config)
  const command = (name: `${string}Command` & keyof typeof values): ConfiguredCommand | undefined => {
    const text = values[name]
    return text?.trim() ? { name, text, shell: values.Shell } : undefined
  }
  return {
    preStartup: command('PreStartupCommand'),
    postStartup: command('PostStartupCommand'),
    subnetAdd: command('SubnetAddCommand'),
    subnetRemove: command('SubnetRemoveCommand'),
    shutdown: command('ShutdownCommand'),
    timeoutMs: values.CommandTimeout * 1_000,
  }
}

/** Quotes, pipes, lists, redirections, substitutions. */
const SHELL_SYNTAX = /["'`|;&<>]|\$\(/

/** A sentence for each setting that has no meaning, or another one than it seems. */
export function settingsWarnings(config: NetworkConfig): readonly string[] {
  const { timeoutMs: _, ...commands } = readSettings(config)
  const misread = Object.values(commands).filter(
    (command) => command?.shell === false && SHELL_SYNTAX.test(command.text),
  )
  return [
    ...SECTION.warnings(config),
    ...misread.map(
      (command) =>
        `in ${SECTION.where}, ${command?.name} contains quotes or operators of a shell, and is run without one: ` +
        'its words are passed as they are; set "Shell": true, or take them out',
    ),
    ...(commands.subnetAdd !== undefined && commands.subnetRemove === undefined
      ? [
          `in ${SECTION.where}, there is no SubnetRemoveCommand: what was added for a peer stays when it leaves`,
        ]
      : []),
  ]
}
