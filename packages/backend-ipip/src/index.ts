export { type IpipOptions, ipip } from './ipip.js'
