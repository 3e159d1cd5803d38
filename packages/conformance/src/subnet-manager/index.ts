export { subnetManagerSuite } from './suite.js'
export type { StoreFeatures, StoreUnderTest, StoreUse, SubnetManagerSuiteOptions } from './types.js'
