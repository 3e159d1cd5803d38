export type { CommandResource, ConfiguredCommand, Environment } from './commands/index.js'
export { type ExtensionOptions, extension } from './extension.js'
