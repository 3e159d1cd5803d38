export type { CommandResource, ConfiguredCommand, Environment } from './commands/index.js'
export { type ExtensionOptions, extension, extensionLeftovers } from './extension.js'
