import { type FlagName, flags, readCommandLine, type StoreSettings } from '@selvedge/agent/flags'
import { type Command, Option } from 'commander'
import type { CliIo } from '../io.js'

/** The flags of selvedged that name a store. */
export const STORE_FLAGS = [
  'etcd-endpoints',
  'etcd-prefix',
  'etcd-keyfile',
  'etcd-certfile',
  'etcd-cafile',
  'etcd-username',
  'etcd-password',
  'kube-subnet-mgr',
  'kube-api-url',
  'kube-annotation-prefix',
  'kubeconfig-file',
  'net-config-path',
  'local-store',
  'nats-servers',
  'nats-bucket',
  'nats-domain',
  'nats-creds',
  'nats-nkey',
  'nats-username',
  'nats-password',
  'nats-token',
  'nats-cafile',
  'nats-certfile',
  'nats-keyfile',
  // What a bucket is made with: the first to write to NATS is often an operator.
  'nats-lease-ttl',
  'nats-replicas',
] as const satisfies readonly FlagName[]

/** All flags of selvedged, as a host has them in a variable, but for `version`. */
export const AGENT_FLAGS = (Object.keys(flags) as FlagName[]).filter((name) => name !== 'version')

/** Those of a second store, to copy to. Kubernetes has no leases of its own to write. */
export const TARGET_FLAGS = STORE_FLAGS.filter((name) => !/^(kube|net-)/.test(name))

/** Before the name of each flag of a second store, and in its variable: FLANNELD_TO_ETCD_PASSWORD. */
export const TARGET_PREFIX = 'to-'

/** The command takes these flags of selvedged, under `prefix`. */
export function addFlags(command: Command, names: readonly FlagName[], prefix = ''): void {
  for (const name of names) command.addOption(optionOf(name, prefix))
}

/** The command takes all other flags of selvedged as well, does nothing with them, and does not show them in its help. */
export function addOtherFlags(command: Command): void {
  const known = new Set(command.options.map(({ long }) => long))
  for (const name of AGENT_FLAGS) {
    if (!known.has(`--${name}`)) command.addOption(optionOf(name, '').hideHelp())
  }
}

function optionOf(name: FlagName, prefix: string): Option {
  const { type, usage, fallback } = flags[name]
  const value = type === 'bool' ? '[bool]' : `<${type === 'list' ? 'string' : type}>`
  const standard = typeof fallback === 'string' && fallback !== '' ? ` (default ${fallback})` : ''
  const option = new Option(`--${prefix}${name} ${value}`, `${usage}${standard}`)
  return type === 'list' ? option.argParser(collect) : option
}

const collect = (value: string, before: unknown): readonly string[] => [
  ...(Array.isArray(before) ? before : []),
  value,
]

/** The arguments that selvedged would have got; throws a UsageError for a value that it refuses. */
export function settingsOf(command: Command, io: CliIo, names: readonly FlagName[]) {
  return read(argumentsOf(command, names, ''), io.variables, io)
}

export function storeSettings(command: Command, io: CliIo): StoreSettings {
  const { store } = settingsOf(command, io, STORE_FLAGS)
  // An agent writes that file to a store that has no config; who only looks does not.
  return store.type === 'local' ? { ...store, networkConfigFile: undefined } : store
}

export function targetSettings(command: Command, io: CliIo): StoreSettings {
  const variables = Object.fromEntries(
    Object.entries(io.variables).flatMap(([name, value]) => {
      const [, rest] = /^FLANNELD_TO_(.+)$/.exec(name) ?? []
      return rest === undefined ? [] : [[`FLANNELD_${rest}`, value] as const]
    }),
  )
  return read(argumentsOf(command, TARGET_FLAGS, TARGET_PREFIX), variables, io).store
}

/** The flags that a command was given, as one word each. */
export function argumentsOf(command: Command, names: readonly FlagName[], prefix: string): string[] {
  return names.flatMap((name) => {
    const value: unknown = command.getOptionValue(camelCase(`${prefix}${name}`))
    if (value === undefined) return []
    return [value].flat().map((text) => `--${name}=${text}`)
  })
}

function read(args: readonly string[], variables: CliIo['variables'], io: CliIo) {
  // Which node this is matters to an agent alone; on most clusters it is named as its host.
  const command = readCommandLine(args, { NODE_NAME: io.hostname, ...variables })
  if (command.type !== 'run')
    throw new TypeError('a command line without --help and --version asks for a run')
  return command.settings
}

/** As commander names the value of an option. */
export const camelCase = (name: string): string =>
  name.replace(/[-_](\w)/g, (_, letter: string) => letter.toUpperCase())

const BOOLEANS = new Set(
  Object.entries(flags)
    .filter(([name, { type }]) => type === 'bool' && name !== 'version')
    .map(([name]) => name),
)

/**
 * As selvedged takes them: `-etcd-endpoints` as well as `--etcd-endpoints`, and a boolean that stands alone is true, so
 * that it takes no argument after it for its value.
 */
export function normalizeArguments(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  const options = end < 0 ? args : args.slice(0, end)
  const rest = end < 0 ? [] : args.slice(end)
  return [
    ...options.map((arg) => {
      const [, name, value] = /^--?([a-z][\w-]+|v)(=.*)?$/s.exec(arg) ?? []
      if (name === undefined) return arg
      return `--${name}${value ?? (BOOLEANS.has(name) ? '=true' : '')}`
    }),
    ...rest,
  ]
}
