export { type WireguardDriverOptions, wireguardDriver } from './driver.js'
export { checkWireguardGo } from './process.js'
