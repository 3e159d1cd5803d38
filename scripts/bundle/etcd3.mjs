/**
 * etcd3 in a bundle. As published it reads and parses its .proto files at each start, by way of @grpc/proto-loader. Here
 * they are parsed once, when the bundle is made.
 */
import { createRequire } from 'node:module'
import protobuf from 'protobufjs'
import { codecOf } from './protobuf-codec.mjs'

const CODEC = '\0etcd-codec'

/** As it stands in etcd3's code. */
const PROTO_FILE = /`\$\{__dirname\}\/\.\.\/proto\/rpc\.proto`/

/** A plugin for rolldown. */
export function bundleEtcd3() {
  return {
    name: 'etcd3',
    resolveId(source, importer) {
      if (source !== '@grpc/proto-loader') return null
      // grpc-js asks for it only if its own diagnostics (channelz) are on, which they are not.
      return /\/node_modules\/etcd3\//.test(importer) ? CODEC : { id: source, external: true }
    },
    load(id) {
      return id === CODEC ? codecOf(definitions()) : null
    },
    transform(code, id) {
      if (!/\/node_modules\/etcd3\/lib\/connection-pool\.js$/.test(id)) return null
      // An ES module has no __dirname.
      if (!PROTO_FILE.test(code)) throw new Error(`${id} does not load its rpc.proto as it did`)
      return code.replace(PROTO_FILE, "''")
    },
  }
}

/** etcd's messages and services, as the package etcd3 brings them. */
export function definitions() {
  const { resolve } = createRequire(new URL('../../packages/store-etcd/package.json', import.meta.url))
  return new protobuf.Root().loadSync(resolve('etcd3/proto/rpc.proto'), { keepCase: true })
}
