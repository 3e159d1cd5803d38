export { masterRun } from './run.js'
export type { MasterHost, MasterOptions } from './types.js'
