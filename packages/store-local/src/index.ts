export * from './local-subnet-manager.js'
