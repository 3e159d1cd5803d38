/**
 * etcd3 in a bundle. As published it reads and parses its .proto files at each start, by way of proto-loader, which
 * makes descriptors of every message that nobody asks for: 50 ms of the processor's time and 10 MB. Here they are parsed
 * once, when the bundle is made, and `light-proto-loader.mjs` takes proto-loader's place.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

const LOADER = fileURLToPath(new URL('./light-proto-loader.mjs', import.meta.url))

/** As it stands in etcd3's code. */
const PROTO_FILE = /`\$\{__dirname\}\/\.\.\/proto\/rpc\.proto`/

const DEFINITIONS = 'virtual:etcd-definitions'

/** A plugin for rolldown. */
export function lightEtcd3() {
  return {
    name: 'light-etcd3',
    resolveId(source, importer) {
      if (source === DEFINITIONS) return `\0${DEFINITIONS}`
      if (source !== '@grpc/proto-loader') return null
      // grpc-js asks for it only if its own diagnostics (channelz) are on, which they are not.
      return /\/node_modules\/etcd3\//.test(importer) ? LOADER : { id: source, external: true }
    },
    transform(code, id) {
      if (!/\/node_modules\/etcd3\/lib\/connection-pool\.js$/.test(id)) return null
      // An ES module has no __dirname.
      if (!PROTO_FILE.test(code)) throw new Error(`${id} does not load its rpc.proto as it did`)
      return code.replace(PROTO_FILE, "''")
    },
    load(id) {
      return id === `\0${DEFINITIONS}` ? `export default ${JSON.stringify(definitions())}` : null
    },
  }
}

/** etcd's messages and services, as protobufjs keeps them in JSON. */
export function definitions() {
  const etcd3 = createRequire(new URL('../../packages/store-etcd/package.json', import.meta.url))
  return new protobuf.Root().loadSync(etcd3.resolve('etcd3/proto/rpc.proto'), { keepCase: true }).toJSON()
}
