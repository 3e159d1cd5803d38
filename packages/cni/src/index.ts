export { flannelPlugin, type PluginInput, type PluginOutput } from './plugin.js'
export type { Environment } from './protocol/call.js'
export { CNI_CODE, CniError } from './protocol/error.js'
