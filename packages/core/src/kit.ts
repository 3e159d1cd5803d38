/** What writers of stores, backends and drivers need besides what `@selvedge/core` itself exports. */

export { requirementsOf } from './contract/backend.js'
export {
  type AddressResource,
  address,
  addressKey,
  type FdbResource,
  fdb,
  fdbKey,
  hasManyDestinations,
  isRoute,
  type KernelResource,
  type LinkChange,
  type LinkResource,
  type LinkSettings,
  link,
  linkChange,
  linkKey,
  type NeighbourResource,
  neighbour,
  neighbourKey,
  type RouteFields,
  type RouteResource,
  RT_TABLE_MAIN,
  route,
  routeKey,
  satisfies,
} from './contract/resource.js'
export { chooseSubnets, LeasedSubnets, type SubnetChoice, type SubnetQuestion } from './lease/allocator.js'
export { type BackendSection, backendSection } from './lease/backend-section.js'
export {
  configChanged,
  isHeldBy,
  requireHeld,
  requireReservable,
  requireReservedFor,
  requireUnheld,
  whoHolds,
} from './lease/holder.js'
export {
  decodeLease,
  decodeLeaseAttributes,
  encodeLeaseAttributes,
  leasesOverlap,
  parseLeaseKey,
  sameLease,
  sameNode,
  sameSubnets,
} from './lease/lease.js'
export { attributesWithData, type PeerData, readPeerData } from './lease/peer-data.js'
export { Retries, type Setback } from './lease/retries.js'
export { parseSubnetEnvLists, type SubnetEnvLists } from './lease/subnet-env.js'
export { enabledFamilies, type FamilyParts, IPV4_PARTS, IPV6_PARTS } from './net/address-family.js'
export {
  addressAt,
  baseAddress,
  type Cidr,
  canonicalCidr,
  cidrOf,
  contains,
  containsAddress,
  formatCidr,
  lastAddress,
  overlaps,
  parseCidr,
  requireCidr,
} from './net/cidr.js'
export {
  type Address,
  addressBits,
  canonicalAddress,
  type Family,
  familyOf,
  formatAddress,
  hostAddress,
  parseAddress,
} from './net/ip.js'
export { canonicalMac, parseMac } from './net/mac.js'
export { requireNamespacePath } from './net/namespace-path.js'
export { isOnLink, whyNotOnLink } from './net/on-link.js'
export { PrefixIndex } from './net/prefix-index.js'
export {
  describeLease,
  HOW_TO_CHOOSE_ADDRESS,
  interfaceAddress,
  ownIdentity,
  ownSubnet,
  type PeerAddresses,
  peerAddresses,
  publicAddresses,
  type ServedFamily,
  servedFamilies,
} from './net/public-address.js'
export { whyNoRulesetName } from './net/ruleset-name.js'
export { isPrivateAddress, whyNoHostAddress } from './net/special-networks.js'
export { networkBlackhole } from './overlay/blackhole-route.js'
export { requireMinMtu, type Tunnel, tunnelMtu, tunnelPodMtu } from './overlay/tunnel-mtu.js'
export type { DesiredState } from './reconciler/desired-state.js'
export { Reconciler, type ReconcilerOptions } from './reconciler/reconciler.js'
export { unlessAborted } from './util/abort.js'
export {
  anything,
  callback,
  checkNames,
  checkOptions,
  clockShape,
  either,
  flag,
  kindOf,
  listOf,
  number,
  oneOf,
  path,
  record,
  required,
  type Shape,
  type Shapes,
  text,
  withMethods,
} from './util/check-options.js'
export { systemClock } from './util/clock.js'
export { isAboutRecords } from './util/errors.js'
export { CONFIG_LIMITS, type JsonLimits, membersOf, parseJson, RECORD_LIMITS } from './util/json.js'
export {
  booleanField,
  type Field,
  type FieldTable,
  type FieldValues,
  integerField,
  invalidField,
  isJsonObject,
  objectField,
  readFields,
  textField,
  unknownKeyWarnings,
} from './util/json-fields.js'
export { printable, quote } from './util/quote.js'
export { type BackoffOptions, backoffDelay } from './util/retry.js'
export { Slices } from './util/slices.js'
export { Wakeup } from './util/wakeup.js'
