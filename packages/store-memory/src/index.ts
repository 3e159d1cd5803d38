export * from './memory-store.js'
export * from './memory-subnet-manager.js'
