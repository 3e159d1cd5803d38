// Run by tls.test.ts: renews a lease that does not exist, over TLS with a client certificate and no CA.
import { readFileSync } from 'node:fs'
import { EtcdSubnetManager } from '../dist/index.js'

const [endpoint, cert, key] = process.argv.slice(2)
const manager = new EtcdSubnetManager({
  endpoints: [endpoint],
  tls: { cert: readFileSync(cert), key: readFileSync(key) },
})
const error = await manager
  .renewLease({ subnet: '10.99.1.0/24', attributes: { publicIp: '192.0.2.1' } })
  .catch((reason) => reason)
process.stdout.write(`${error.code} ${error.message}\n`)
await manager[Symbol.asyncDispose]()
