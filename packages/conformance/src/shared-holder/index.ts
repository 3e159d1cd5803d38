export { sharedHolderSuite } from './suite.js'
export type { SharedHolderSuiteOptions, SharedHolderUnderTest } from './types.js'
