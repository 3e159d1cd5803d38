export { type IpsecBackendOptions, type IpsecOptions, ipsec, ipsecBackend, sendsPlain } from './ipsec.js'
export {
  type LeftoversOptions,
  leftoversOf as ipsecLeftovers,
  type XfrmStatesResource,
  xfrmStatesLeftovers,
} from './leftovers.js'
export type {
  IkeConnectionResource,
  IkeDaemonResource,
  IkeSecretResource,
  XfrmPolicyResource,
} from './resource.js'
export { whyNoViciUri } from './vici/uri.js'
export { type InspectedIpsec, inspectIpsec } from './xfrm/inspect.js'
export { kernelHasEsp, type StateOptions, type XfrmState } from './xfrm/state.js'
