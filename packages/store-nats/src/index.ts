export { credsFile, type NatsCredentials, nkeyFile } from './client/credentials.js'
export type { NatsTls } from './client/tls.js'
export { NatsSubnetManager } from './manager.js'
export type { NatsSubnetManagerOptions } from './options.js'
