export type { CommandResource } from './command-resource.js'
export { type ExtensionOptions, extension } from './extension.js'
export type { ConfiguredCommand } from './settings.js'
