import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { loadSync as protoLoader } from '@grpc/proto-loader'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { definitions } from '../../scripts/bundle/etcd3.mjs'
import { codecOf } from '../../scripts/bundle/protobuf-codec.mjs'

interface Method {
  readonly path: string
  readonly originalName: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  requestSerialize(message: object): Buffer
  requestDeserialize(bytes: Buffer): object
  responseSerialize(message: object): Buffer
  responseDeserialize(bytes: Buffer): object
}
type Services = Readonly<Record<string, Readonly<Record<string, Method>>>>

const root = definitions()
const services = root.lookup('etcdserverpb') as protobuf.Namespace
const methods = services.nestedArray.flatMap((object) =>
  object instanceof protobuf.Service
    ? object.methodsArray.map((method) => [`etcdserverpb.${object.name}`, method.name, method] as const)
    : [],
)
/** As etcd3 asks for it. */
const OPTIONS = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }

let folder: string
let generated: Services
let reference: Services

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-codec-'))
  const file = join(folder, 'codec.mjs')
  // Outside the checkout, a package has no name.
  const minimal = import.meta.resolve('protobufjs/minimal.js')
  await writeFile(file, codecOf(root).replace("'protobufjs/minimal.js'", `'${minimal}'`))
  generated = (await import(pathToFileURL(file).href)).loadSync()
  const etcd3 = createRequire(createRequire(import.meta.url).resolve('etcd3'))
  const { loadSync } = etcd3('@grpc/proto-loader') as { loadSync: typeof protoLoader }
  reference = loadSync(etcd3.resolve('../proto/rpc.proto'), OPTIONS) as unknown as Services
})

afterAll(() => rm(folder, { recursive: true }))

/** At every length that a number can have, and on both sides of where a double stops being exact. */
const NUMBERS = [
  0n,
  1n,
  127n,
  128n,
  2n ** 28n - 1n,
  2n ** 28n,
  2n ** 32n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
]

/** Repeats the same sequence in each run. */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

/** A message of a type, some of whose fields are there. */
function messageOf(type: protobuf.Type, random: (bound: number) => number, depth = 0): object {
  const message: Record<string, unknown> = {}
  const taken = new Set<protobuf.OneOf>()
  for (const field of type.fieldsArray) {
    if (random(3) === 0 || (field.partOf !== null && taken.has(field.partOf))) continue
    if (field.resolvedType instanceof protobuf.Type && depth === 3) continue
    if (field.partOf !== null) taken.add(field.partOf)
    const value = () => someValue(field, random, depth)
    message[field.name] = field.repeated ? Array.from({ length: random(4) }, value) : value()
  }
  return message
}

function someValue(field: protobuf.Field, random: (bound: number) => number, depth: number): unknown {
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Type) return messageOf(resolvedType, random, depth + 1)
  const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T
  if (resolvedType instanceof protobuf.Enum) {
    return random(4) === 0
      ? 99
      : pick([...Object.keys(resolvedType.values), ...Object.values(resolvedType.values)])
  }
  switch (field.type) {
    case 'bool':
      return random(2) === 1
    case 'bytes':
      return Buffer.from(pick(['', 'k', '\0\x80\xff', '/coreos.com/network/subnets/10.5.52.0-24']), 'latin1')
    case 'string':
      return pick(['', 'plain', 'nöde €'])
    case 'int64':
      return String(random(4) === 0 ? -pick(NUMBERS) : pick(NUMBERS))
    case 'uint64':
      return String(pick([...NUMBERS, 2n ** 64n - 1n]))
    case 'int32':
      return pick([0, 1, -1, 2 ** 31 - 1, -(2 ** 31)])
    case 'uint32':
      return pick([0, 1, 2 ** 32 - 1])
    default:
      throw new TypeError(`no value for a ${field.type}`)
  }
}

describe('the codec that the bundle gives etcd3 in place of proto-loader', () => {
  it('has the same services and methods', () => {
    const shapes = (all: Services) =>
      methods.map(([service, name]) => {
        const { path, originalName, requestStream, responseStream } = all[service]?.[name] ?? ({} as Method)
        // proto-loader makes hashKv of HashKV, which etcd3 calls hashKV.
        return { path, name: originalName.replace('hashKv', 'hashKV'), requestStream, responseStream }
      })
    expect(methods.length).toBeGreaterThan(30)
    expect(shapes(generated)).toEqual(shapes(reference))
  })

  it.each(methods)('%s.%s: sends and receives the same', (service, name, method) => {
    const [ours, theirs] = [generated[service]?.[name] as Method, reference[service]?.[name] as Method]
    const { resolvedRequestType, resolvedResponseType } = method
    if (resolvedRequestType === null || resolvedResponseType === null) throw new TypeError('not resolved')
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = randomFrom(seed)
      const request = messageOf(resolvedRequestType, random)
      expect(theirs.requestDeserialize(ours.requestSerialize(request))).toEqual(
        theirs.requestDeserialize(theirs.requestSerialize(request)),
      )
      const response = theirs.responseSerialize(messageOf(resolvedResponseType, random))
      expect(ours.responseDeserialize(response)).toEqual(theirs.responseDeserialize(response))
    }
  })

  it('reads nothing but whole messages', () => {
    const { Range } = generated['etcdserverpb.KV'] as Readonly<Record<string, Method>>
    const theirs = reference['etcdserverpb.KV']?.Range as Method
    const key = Buffer.from('/coreos.com/network/config')
    const whole = theirs.responseSerialize({ kvs: [{ key, value: key, lease: '7587870000000000001' }] })
    for (let length = whole.length - 1; length > 0; length -= 1) {
      expect(() => Range?.responseDeserialize(whole.subarray(0, length)), `${length} bytes`).toThrow(
        RangeError,
      )
    }
    for (const [hex, what] of [
      ['0a050801', 'a length beyond the end of the message within'],
      ['1204ffffffff', 'a field that ends beyond its message'],
      [`08${'ff'.repeat(11)}01`, 'a number of twelve bytes'],
    ] as const) {
      expect(() => Range?.responseDeserialize(Buffer.from(hex, 'hex')), what).toThrow()
    }
  })
})
