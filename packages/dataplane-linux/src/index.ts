export { linux } from './driver.js'
export type { InterfaceChoice } from './interface/select-interface.js'
export { DEFAULT_NEXTHOP_THRESHOLD, DEFAULT_ROUTE_PROTOCOL, type LinuxOptions } from './options.js'
