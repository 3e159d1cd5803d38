export type { VxlanOptions } from './settings.js'
export { vxlan } from './vxlan.js'
