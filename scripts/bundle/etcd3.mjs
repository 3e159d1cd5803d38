/**
 * etcd3 in a bundle. As published it reads and parses its .proto files at each start, by way of @grpc/proto-loader. Here
 * they are parsed once, when the bundle is made. And of gRPC it gets the client alone, without servers and the balancers
 * of load that only a service config could ask for: a fifth of what V8 would read at each start.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import protobuf from 'protobufjs'
import { codecOf } from './protobuf-codec.mjs'

const CODEC = '\0etcd-codec'
const GRPC_CLIENT = '\0grpc-client'

const { resolve } = createRequire(new URL('../../packages/store-etcd/package.json', import.meta.url))

/** What is used of @grpc/grpc-js: each name, the module of the package that has it, and its name there. */
const GRPC_NAMES = {
  Channel: ['channel', 'ChannelImplementation'],
  connectivityState: ['connectivity-state', 'ConnectivityState'],
  credentials: ['channel-credentials', 'ChannelCredentials'],
  InterceptingCall: ['client-interceptors', 'InterceptingCall'],
  loadPackageDefinition: ['make-client', 'loadPackageDefinition'],
  Metadata: ['metadata', 'Metadata'],
  status: ['constants', 'Status'],
}

/** What registers itself: how names are resolved, and which of their addresses are connected to. */
const GRPC_SETUPS = [
  'resolver-dns',
  'resolver-uds',
  'resolver-ip',
  'load-balancer-pick-first',
  'load-balancer-round-robin',
]

/** As it stands in etcd3's code. */
const PROTO_FILE = /`\$\{__dirname\}\/\.\.\/proto\/rpc\.proto`/

/** A plugin for rolldown. */
export function bundleEtcd3() {
  return {
    name: 'etcd3',
    resolveId(source, importer) {
      if (source === '@grpc/grpc-js') return GRPC_CLIENT
      if (source !== '@grpc/proto-loader') return null
      // grpc-js asks for it only if its own diagnostics (channelz) are on, which they are not.
      return /\/node_modules\/etcd3\//.test(importer) ? CODEC : { id: source, external: true }
    },
    load(id) {
      if (id === GRPC_CLIENT) return grpcClient()
      return id === CODEC ? codecOf(definitions()) : null
    },
    transform(code, id) {
      if (/\/node_modules\/etcd3\/lib\//.test(id)) checkGrpcNames(code, id)
      if (!/\/node_modules\/etcd3\/lib\/connection-pool\.js$/.test(id)) return null
      // An ES module has no __dirname.
      if (!PROTO_FILE.test(code)) throw new Error(`${id} does not load its rpc.proto as it did`)
      return code.replace(PROTO_FILE, "''")
    },
  }
}

/** etcd's messages and services, as the package etcd3 brings them. */
export function definitions() {
  return new protobuf.Root().loadSync(resolve('etcd3/proto/rpc.proto'), { keepCase: true })
}

/** The client half of @grpc/grpc-js. */
function grpcClient() {
  const folder = dirname(resolve('@grpc/grpc-js'))
  const path = (module) => JSON.stringify(join(folder, `${module}.js`))
  const names = Object.entries(GRPC_NAMES).map(
    ([name, [module, exported]]) => `export { ${exported} as ${name} } from ${path(module)}`,
  )
  const setups = GRPC_SETUPS.map(
    (module, index) => `import { setup as setup${index} } from ${path(module)}\nsetup${index}()`,
  )
  return [...names, ...setups].join('\n')
}

function checkGrpcNames(code, id) {
  // A slash before it makes it an address in a comment.
  for (const [, name] of code.matchAll(/(?<![\w/])grpc\.(\w+)/g)) {
    if (!(name in GRPC_NAMES)) {
      throw new Error(
        `${id} uses ${name} of @grpc/grpc-js, which the bundle leaves out: add it to GRPC_NAMES`,
      )
    }
  }
}
