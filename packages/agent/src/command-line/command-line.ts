import { parseFlags } from './flag-set.js'
import { flags, NOT_FROM_ENVIRONMENT, ownFlags, VARIABLE_PREFIX } from './flannel-flags.js'
import { helpText } from './help.js'
import { type AgentSettings, readSettings } from './settings.js'

/** What a command line requests. */
export type Command =
  | {
      readonly type: 'help'
      /** What to print: the flags, their defaults, and what they do. */
      readonly text: string
    }
  | { readonly type: 'version' }
  | {
      readonly type: 'run'
      /** What the flags and the environment ask for. */
      readonly settings: AgentSettings
      /** The command line without the values of secret flags, for showing it. */
      readonly safeArgs: readonly string[]
    }

/** Reads selvedged's command line and environment. Throws a UsageError. */
export function readCommandLine(
  args: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): Command {
  const { values, given, help, safeArgs } = parseFlags(flags, args, {
    prefix: VARIABLE_PREFIX,
    variables,
    except: NOT_FROM_ENVIRONMENT,
  })
  if (help) return { type: 'help', text: helpText(flags, ownFlags, 'selvedged') }
  if (values.version) return { type: 'version' }
  return { type: 'run', settings: readSettings(values, given, variables), safeArgs }
}
