import { parseFlags } from './flag-set.js'
import { flags, NOT_FROM_ENVIRONMENT, VARIABLE_PREFIX } from './flannel-flags.js'
import { type AgentSettings, readSettings } from './settings.js'

/** What a command line asks for. */
export type Command =
  | { readonly type: 'help' | 'version' }
  | { readonly type: 'run'; readonly settings: AgentSettings }

/** Reads selvedged's command line and environment. Throws a UsageError. */
export function readCommandLine(
  args: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): Command {
  const { values, given, help } = parseFlags(flags, args, {
    prefix: VARIABLE_PREFIX,
    variables,
    except: NOT_FROM_ENVIRONMENT,
  })
  if (help) return { type: 'help' }
  if (values.version) return { type: 'version' }
  return { type: 'run', settings: readSettings(values, given, variables) }
}
