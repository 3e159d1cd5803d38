export { linux } from './linux.js'
export { DEFAULT_NEXTHOP_THRESHOLD, DEFAULT_ROUTE_PROTOCOL, type LinuxOptions } from './options.js'
export type { InterfaceChoice } from './select-interface.js'
