export { subnetManagerSuite } from './suite.js'
export type { StoreFeatures, StoreUnderTest, SubnetManagerSuiteOptions } from './types.js'
