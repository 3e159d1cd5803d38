export { backendSuite } from './suite.js'
export type { BackendFeatures, BackendSuiteOptions } from './types.js'
