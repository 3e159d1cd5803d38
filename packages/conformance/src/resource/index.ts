export { resourceSuite } from './suite.js'
export type { ResourceSuiteOptions, ResourcesUnderTest } from './types.js'
