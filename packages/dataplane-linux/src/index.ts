export { linux } from './driver.js'
export { type LongestEachWay, longestEachWay } from './inspect/each-way/measure.js'
export { inspectLinux, type LinuxInspector } from './inspect/inspector.js'
export type { ViewedArea, ViewedEntry } from './inspect/kernel-view.js'
export type { LinkAnswer, NeighbourAnswer, PacketOrigin, RouteAnswer } from './inspect/look-up.js'
export { readLinks } from './interface/read-links.js'
export type { InterfaceChoice } from './interface/select-interface.js'
export {
  decodeLinkSettings,
  encodeLinkSettings,
  type IndexOf,
  type LinkType,
  type ListeningPort,
  type NameOf,
  recreatesLink,
} from './link-types/index.js'
export type { AttributeReader, AttributeWriter } from './netlink/index.js'
export { DEFAULT_ROUTE_PROTOCOL, type LinuxOptions } from './options.js'
