export { type EndStateOptions, endState } from './end-state.js'
export { backendSuite } from './suite.js'
export type { BackendFeatures, BackendSuiteOptions } from './types.js'
