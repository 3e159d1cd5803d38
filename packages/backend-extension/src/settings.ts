import { type NetworkConfig, OverlayError } from '@selvedge/core'
import { booleanField, integerField, readFields, textField, unknownKeyWarnings } from '@selvedge/core/kit'

/** A command of the network config, as it is written there. */
export interface ConfiguredCommand {
  /** Its key, for messages: `SubnetAddCommand`. */
  readonly name: string
  /** Without `shell`: split on white space, then `$NAME` and `${NAME}` are expanded in each word. */
  readonly text: string
  /** Whether `sh -c` runs it. */
  readonly shell: boolean
}

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

const WHERE = 'the extension settings'
export const DEFAULT_TIMEOUT_S = 60
const MAX_TIMEOUT_S = 3_600

const fields = {
  PreStartupCommand: textField(),
  PostStartupCommand: textField(),
  SubnetAddCommand: textField(),
  SubnetRemoveCommand: textField(),
  ShutdownCommand: textField(),
  Shell: booleanField(false),
  CommandTimeout: integerField(1, MAX_TIMEOUT_S, DEFAULT_TIMEOUT_S),
}

/** Throws an OverlayError of code `INVALID_CONFIG` that names the key. No command is quoted: it may hold a secret. */
export function readSettings(config: NetworkConfig): ExtensionSettings {
  const { values } = readFields(fields, requireText(config), WHERE)
  const command = (name: `${string}Command` & keyof typeof values): ConfiguredCommand | undefined => {
    const text = values[name]
    return text === undefined || text.trim() === '' ? undefined : { name, text, shell: values.Shell }
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

/** A sentence for each setting that has no meaning, or another one than it seems. */
export function settingsWarnings(config: NetworkConfig): readonly string[] {
  const { unknownKeys } = readFields(fields, requireText(config), WHERE)
  const settings = readSettings(config)
  const warnings = [...unknownKeyWarnings(unknownKeys, fields, WHERE)]
  const { preStartup, postStartup, subnetAdd, subnetRemove, shutdown } = settings
  for (const command of [preStartup, postStartup, subnetAdd, subnetRemove, shutdown]) {
    if (command !== undefined && !command.shell && SHELL_SYNTAX.test(command.text)) {
      warnings.push(
        `in ${WHERE}, ${command.name} contains quotes or operators of a shell, and is run without one: ` +
          'its words are passed as they are; set "Shell": true, or take them out',
      )
    }
  }
  if (subnetAdd !== undefined && subnetRemove === undefined) {
    warnings.push(
      `in ${WHERE}, there is no SubnetRemoveCommand: what was added for a peer stays when it leaves`,
    )
  }
  return warnings
}

/** Quotes, pipes, lists, redirections, substitutions. */
const SHELL_SYNTAX = /["'`|;&<>]|\$\(/

/** Other types than text are refused here, since a general message would quote the value. */
function requireText({ backend }: NetworkConfig): Readonly<Record<string, unknown>> {
  const options = backend?.options ?? {}
  for (const [key, value] of Object.entries(options)) {
    if (/command$/i.test(key) && value !== null && typeof value !== 'string') {
      throw new OverlayError('INVALID_CONFIG', `in ${WHERE}, ${key} must be text`)
    }
  }
  return options
}
