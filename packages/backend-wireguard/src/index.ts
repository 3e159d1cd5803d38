export {
  DEFAULT_KEY_FILE,
  type ImplementationName,
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
export { type WireguardOptions, wireguard } from './loader.js'
export { sendsPlain, type WireguardBackendOptions, wireguardBackend } from './wireguard.js'
