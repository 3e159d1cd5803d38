export type { RecordEntry } from '@selvedge/store-kube'
export { runAgent } from './agent.js'
export { backends } from './backends.js'
export { type Command, readCommandLine } from './command-line/command-line.js'
export { UsageError } from './command-line/flag-set.js'
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
export {
  type InspectedIpsec,
  type InspectedPeer,
  inspectIpsec,
  inspectWireguard,
} from './inspect-tunnels.js'
export { type InterfaceChoice, interfaceChoices } from './interface-choices.js'
export type { LeftFile } from './leftovers/files.js'
export { findLeftovers, type LeftoverServices, type Leftovers } from './leftovers/find.js'
export { type RunningAgent, runningAgents } from './leftovers/running-agents.js'
export {
  createLogger,
  type LogDestination,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
} from './logging/logger.js'
export { Sanitizer } from './logging/sanitizer.js'
export type { DriftRecord } from './observe/peer-history.js'
export {
  type EntryChange,
  type EntryState,
  type KnownLease,
  type ResourceEntry,
  type ResourcesPage,
  type ResourcesSources,
  resourcesPage,
} from './observe/resources-page.js'
export type { AgentPlace } from './observe/rival.js'
export { type PeerPath, type PeerStatus, pathOf, type StatusPage } from './observe/status-page.js'
export { type Change, changesOf, type Difference, differencesOf, operationPage } from './plan/changes.js'
export { describeResource } from './plan/describe-resource.js'
export { type AgentPlan, type PlanServices, planAgent } from './plan/plan-agent.js'
export type { Direction, PathReport } from './probe/path-state.js'
export type { PeerProbe } from './probe/peer-probes.js'
export { secretsOfSettings, withoutSecrets } from './secrets.js'
export type { AgentServices } from './services.js'
export { openStore } from './stores/open-store.js'
export type { OpenStore, Prerequisite, StoreEvents, Waiting } from './stores/store.js'
export { ServiceManager, type ServiceManagerOptions } from './systemd/service-manager.js'
export { openFirewall } from './traffic-rules.js'
export { exampleRulesets, type TrialFamilies, whyNoBackend } from './trial.js'
