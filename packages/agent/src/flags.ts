/** The flags alone: what a program needs to read a command line, and nothing of what an agent does. */

export { type Command, readCommandLine } from './command-line/command-line.js'
export { type Flag, UsageError } from './command-line/flag-set.js'
export { type FlagName, flags } from './command-line/flannel-flags.js'
export type { InPod, KubeSettings } from './command-line/kube-settings.js'
export type { LocalSettings } from './command-line/local-settings.js'
export type { NatsCredentialSettings, NatsSettings } from './command-line/nats-settings.js'
export type { RulesSettings } from './command-line/rules-settings.js'
export type {
  AgentSettings,
  EtcdSettings,
  InterfaceSettings,
  StoreSettings,
} from './command-line/settings.js'
