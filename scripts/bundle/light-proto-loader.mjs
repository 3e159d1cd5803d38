/**
 * What etcd3 uses of @grpc/proto-loader, for a bundle: service definitions for gRPC, whose messages protobufjs compiles
 * when they are first sent or received. Messages look as etcd3 asks proto-loader for: numbers of 64 bits and
 * enumerations are text, fields that are absent have their defaults.
 */

import json from 'virtual:etcd-definitions'
import protobuf from 'protobufjs/light.js'

const CONVERSION = { longs: String, enums: String, defaults: true, oneofs: true }

/** In place of reading and parsing the file that is named. */
export function loadSync() {
  const root = protobuf.Root.fromJSON(json)
  const definitions = {}
  for (const [name, space] of Object.entries(json.nested)) {
    for (const [service, { methods }] of Object.entries(space.nested)) {
      if (methods === undefined) continue
      definitions[`${name}.${service}`] = Object.fromEntries(
        Object.entries(methods).map(
          ([method, { requestType, responseType, requestStream, responseStream }]) => [
            method,
            {
              path: `/${name}.${service}/${method}`,
              requestStream: requestStream === true,
              responseStream: responseStream === true,
              originalName: method[0].toLowerCase() + method.slice(1),
              ...serializersOf(root, `${name}.${requestType}`),
              ...deserializersOf(root, `${name}.${responseType}`),
            },
          ],
        ),
      )
    }
  }
  return definitions
}

function serializersOf(root, name) {
  let type
  return {
    requestSerialize(message) {
      type ??= root.lookupType(name)
      return type.encode(type.fromObject(message)).finish()
    },
  }
}

function deserializersOf(root, name) {
  let type
  return {
    responseDeserialize(bytes) {
      type ??= root.lookupType(name)
      return type.toObject(type.decode(bytes), CONVERSION)
    },
  }
}
