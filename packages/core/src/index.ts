/** What a program needs that runs an overlay. Writers of stores, backends and drivers find the rest in `kit`. */

export type { Backend } from './contract/backend.js'
export type { BackendLoader, BackendPreview } from './contract/backend-loader.js'
export type {
  Driver,
  DriverEvent,
  ExternalInterfaceOptions,
  Operation,
  OperationResult,
  OwnershipScope,
  PreflightOptions,
  Program,
  UnmarkedRoute,
} from './contract/driver.js'
export type {
  ChosenInterface,
  ExternalInterface,
  HostAddress,
  HostNetwork,
  HostRoute,
  LeaseContext,
  NodeContext,
  NodeOrigins,
  RoutedNetwork,
} from './contract/node-context.js'
export type { Part } from './contract/part.js'
export type { Resource } from './contract/resource.js'
export type { RightsInquiry, StoreRight } from './contract/rights-inquiry.js'
export type {
  GetConfigOptions,
  LeaseEvent,
  LeaseInventory,
  LeasePreview,
  LeasePreviewer,
  LeaseRequest,
  RecordChange,
  RenewOptions,
  SetConfigOptions,
  SubnetAdministration,
  SubnetManager,
  WatchOptions,
} from './contract/subnet-manager.js'
export type { DriverTraffic, PacketCount, Traffic } from './contract/traffic.js'
export { configDifferences } from './lease/config-differences.js'
export {
  type CopyableSubnetManager,
  type CopyOptions,
  type CopyPlan,
  type CopyReport,
  type CopySource,
  copyLeases,
  planCopy,
} from './lease/copy-leases.js'
export {
  type Lease,
  type LeaseAttributes,
  type LeaseSubnets,
  leaseKey,
  type PublicAddresses,
} from './lease/lease.js'
export { type ListedLeases, type ListOptions, listLeases } from './lease/list-leases.js'
export {
  type BackendSection,
  type FamilyNetwork,
  type NetworkConfig,
  type NetworkConfigRules,
  parseNetworkConfig,
} from './lease/network-config.js'
export { networkConfigJson } from './lease/network-config-json.js'
export { formatSubnetEnv, parseSubnetEnv, type SubnetEnv } from './lease/subnet-env.js'
export { blackholeRoute } from './overlay/blackhole-route.js'
export type { GuardedEmitter } from './overlay/events.js'
export type { DesiredResource, Inspection } from './overlay/inspection.js'
export type { LeaseKeeperEvent } from './overlay/lease-keeper.js'
export type { PeerEvent } from './overlay/lease-table.js'
export {
  type HeldState,
  type HostScope,
  hostScope,
  type LeftLink,
  planRemoval,
  removeHeld,
  type ServedNetwork,
} from './overlay/leftovers.js'
export type { OverlayOptions, PreviousNode, StartOptions, StopOptions } from './overlay/options.js'
export { createOverlay, Overlay } from './overlay/overlay.js'
export { type OverlayPlan, planOverlay } from './overlay/plan-overlay.js'
export type {
  ConfigEvent,
  OverlayEvents,
  OverlayState,
  OverlayStatus,
  StartRetry,
  StoreEvent,
  UplinkEvent,
} from './overlay/reports.js'
export type { UnmarkedRival } from './overlay/unmarked-routes.js'
export type { Drift } from './reconciler/delta-tracker.js'
export type { ReconcilerStatus } from './reconciler/reconciler.js'
export type { Failure } from './reconciler/retry-queue.js'
export type { SyncReport } from './reconciler/sync-tally.js'
export type { AbortOptions } from './util/abort.js'
export type { Clock, Random, SleepOptions } from './util/clock.js'
export { type ErrorCode, isOverlayError, OverlayError, type OverlayErrorOptions } from './util/errors.js'
export type { JsonValue } from './util/json.js'
