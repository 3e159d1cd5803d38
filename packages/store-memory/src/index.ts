export { MemorySubnetManager } from './manager.js'
export { type Changes, MemoryStore, type MemoryStoreOptions } from './store.js'
