/** Netlink for writers of drivers: of what the kernel has besides links, addresses, routes, neighbours and fdb entries. */

export { toOverlayError, withOverlayErrors } from './kernel-error.js'
export {
  AttributeReader,
  type AttributeWriter,
  type BatchOptions,
  beginGeneric,
  type CallOptions,
  type ConnectionOptions,
  findFamily,
  GENERIC_HEADER_LENGTH,
  type GenericHeader,
  MessageReader,
  MessageWriter,
  malformed,
  NETLINK_GENERIC,
  NETLINK_ROUTE,
  NetlinkConnection,
  NetlinkError,
  type NetlinkErrorDetails,
  type NetlinkFailure,
  NLM_F_ACK,
  NLM_F_REQUEST,
  type ReadMessage,
  type ReadOptions,
  type WriteRequest,
} from './netlink/index.js'
