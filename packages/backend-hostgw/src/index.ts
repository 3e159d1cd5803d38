export { hostGw } from './host-gw.js'
