export {
  type BackendFeatures,
  type BackendSuiteOptions,
  backendSuite,
  type EndStateOptions,
  endState,
} from './backend/index.js'
export {
  type DriverFeatures,
  type DriverSuiteOptions,
  driverSuite,
  type HostUnderTest,
} from './driver/index.js'
export { FakeClock, type FakeClockOptions, type PendingSleep } from './fake-clock.js'
export {
  type Delays,
  type FakeDriverOptions,
  type FakeFdbEntry,
  type FakeFirewallDriver,
  type FakeInterface,
  FakeKernel,
  type FakeKernelDriver,
  FakeKernelError,
  type FakeKernelOptions,
  type FakeLink,
  type FakeLinkChange,
  type FakeNeighbour,
  type FakeRequest,
  type FakeRoute,
  type FakeRouteMatch,
  type FakeRuleset,
  type FakeVxlan,
  type FaultOptions,
  type RequestRecord,
  type RouteProtocol,
  type Trouble,
  type WriteRecord,
} from './fake-kernel/index.js'
export {
  type FuzzOptions,
  type FuzzReport,
  fuzz,
  fuzzSettings,
  type HostileLimits,
  hostileJson,
  hostileText,
  outcomeOf,
  seededRandom,
} from './fuzz/index.js'
export { type MasterHost, type MasterOptions, masterRun } from './master/index.js'
export { MemoryDriver } from './memory-driver.js'
export type { NotInferred } from './not-inferred.js'
export { type ResourceSuiteOptions, type ResourcesUnderTest, resourceSuite } from './resource/index.js'
export type { Runner } from './runner.js'
export {
  type SharedHolderSuiteOptions,
  type SharedHolderUnderTest,
  sharedHolderSuite,
} from './shared-holder/index.js'
export {
  type StoreFeatures,
  type StoreUnderTest,
  type StoreUse,
  type SubnetManagerSuiteOptions,
  subnetManagerSuite,
} from './subnet-manager/index.js'
