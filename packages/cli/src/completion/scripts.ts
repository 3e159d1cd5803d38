import type { Command } from 'commander'

/** One command as a shell completes it. */
interface Word {
  /** The commands before it: `leases`, `leases list`. Empty for the program itself. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly about: string }[]
  readonly options: readonly { readonly name: string; readonly about: string; readonly takesValue: boolean }[]
  /** The words that its argument may be, if they are known. */
  readonly choices: readonly string[]
}

export function completionOf(shell: string, program: Command): string {
  const words = wordsOf(program, '')
  if (shell === 'bash') return bash(words)
  return shell === 'zsh' ? zsh(words) : fish(words)
}

function wordsOf(command: Command, path: string): readonly Word[] {
  const commands = command.commands.map((child) => ({ name: child.name(), about: child.description() }))
  const options = [
    ...command.options
      .filter(({ hidden }) => !hidden)
      .map((option) => ({
        name: option.long ?? option.short ?? '',
        about: option.description,
        takesValue: option.required || option.optional,
      })),
    { name: '--help', about: 'print the help', takesValue: false },
  ]
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
  return [
    { path, commands, options, choices },
    ...command.commands.flatMap((child) => wordsOf(child, `${path} ${child.name()}`.trim())),
  ]
}

function bash(words: readonly Word[]): string {
  const cases = words.map(({ path, commands, options, choices }) => {
    const rest = [...commands.map(({ name }) => name), ...choices].join(' ')
    return `    '${path}') words='${rest}' options='${options.map(({ name }) => name).join(' ')}' ;;`
  })
  return `# bash completion of selvedge: source <(selvedge completion bash)
_selvedge() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' options='' i
  for ((i = 1; i < COMP_CWORD; i += 1)); do
    case \${COMP_WORDS[i]} in
      -*) break ;;
      *) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
    case $path in
${alternatives(words)
  .map((each) => `      ${each}) ;;`)
  .join('\n')}
      *) path=\${path% *}; break ;;
    esac
  done
  case $path in
${cases.join('\n')}
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *)
      case $before in
        --*file | --graph | --local-store | --to-local-store | --net-config-path) COMPREPLY=($(compgen -f -- "$word")) ;;
        *) COMPREPLY=($(compgen -W "$words" -- "$word")); [ -n "$words" ] || COMPREPLY=($(compgen -f -- "$word")) ;;
      esac ;;
  esac
}
complete -F _selvedge selvedge
`
}

const alternatives = (words: readonly Word[]): readonly string[] =>
  words.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`)

/** zsh reads bash's completions: one script to keep right. */
const zsh = (words: readonly Word[]): string => `#compdef selvedge
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`

function fish(words: readonly Word[]): string {
  const lines = words.flatMap(({ path, commands, options, choices }) => {
    const names = commands.map(({ name }) => name)
    const seen = path === '' ? [] : path.split(' ').map((name) => `__fish_seen_subcommand_from ${name}`)
    const unseen = names.length === 0 ? [] : [`not __fish_seen_subcommand_from ${names.join(' ')}`]
    const when = [...seen, ...unseen].join('; and ')
    const condition = when === '' ? '' : ` -n ${quoted(when)}`
    return [
      ...commands.map(
        ({ name, about }) => `complete -c selvedge -f${condition} -a ${name} -d ${quoted(about)}`,
      ),
      ...choices.map((name) => `complete -c selvedge -f${condition} -a ${name}`),
      ...options.map(
        ({ name, about, takesValue }) =>
          `complete -c selvedge${condition} -l ${name.replace(/^--/, '')}${takesValue ? ' -r' : ''} -d ${quoted(about)}`,
      ),
    ]
  })
  return `# fish completion of selvedge\n${lines.join('\n')}\n`
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
