export { LocalSubnetManager, type LocalSubnetManagerOptions } from './manager.js'
