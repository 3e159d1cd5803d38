export {
  type Carrier,
  DEFAULT_KEY_FILE,
  type ImplementationName,
  type InspectedPeer,
  inspectWireguard,
  type KeyFileOptions,
  type KeyPair,
  keyPairOf,
  type Location,
  readKeyFile,
  type WireguardDeviceResource,
  type WireguardDriverOptions,
  type WireguardPeerResource,
  type WireguardResource,
  wireguardDriver,
} from './driver/index.js'
export { type WireguardOptions, wireguard } from './driver/loader.js'
export { sendsPlain, wireguardBackend } from './wireguard.js'
