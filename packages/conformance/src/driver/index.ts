export { driverSuite } from './suite.js'
export type { DriverFeatures, DriverSuiteOptions, HostUnderTest } from './types.js'
