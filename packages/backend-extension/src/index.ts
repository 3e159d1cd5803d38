export type { CommandResource, ConfiguredCommand, Environment, ExtensionOptions } from './commands/index.js'
export { extensionLeftovers } from './commands/index.js'
export { extension } from './extension.js'
