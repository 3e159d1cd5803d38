export * from './manager.js'
export * from './store.js'
