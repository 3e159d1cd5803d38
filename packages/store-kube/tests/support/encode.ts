/** Encodes protobuf messages, for tests of their decoders. */

export type FieldValue = string | number | Buffer

/** A field: a number as a varint, anything else length-delimited. */
export function field(number: number, value: FieldValue): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)])
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

export const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields)

export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low + 128 : low)
  } while (rest > 0)
  return Buffer.from(bytes)
}

export interface NodeFields {
  readonly name: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly podCidrs?: readonly string[]
  /** By their full names. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** A Node without a wrapper, with some fields that no lease needs. */
export function encodeNode({
  name,
  uid = `uid of ${name}`,
  resourceVersion = '1',
  podCidrs = [],
  annotations = {},
}: NodeFields): Buffer {
  const entries = Object.entries(annotations).map(([key, value]) =>
    field(12, message(field(1, key), field(2, value))),
  )
  const metadata = message(
    field(1, name),
    field(5, uid),
    field(6, resourceVersion),
    field(7, 3),
    field(8, message(field(1, 1_700_000_000), field(2, 0))),
    field(11, message(field(1, 'kubernetes.io/hostname'), field(2, name))),
    ...entries,
    field(17, message(field(1, 'kubelet'), field(2, 'Update'))),
  )
  const [first] = podCidrs
  const spec = message(
    ...(first === undefined ? [] : [field(1, first)]),
    field(3, 'aws:///eu-central-1a/i-1'),
    ...podCidrs.map((podCidr) => field(7, podCidr)),
  )
  return message(field(1, metadata), field(2, spec), field(3, message(field(4, 'conditions'))))
}

/** An object in the storage encoding. */
export function encodeObject(kind: string, object: Buffer): Buffer {
  const typeMeta = message(field(1, 'v1'), field(2, kind))
  const unknown = message(field(1, typeMeta), field(2, object), field(3, ''), field(4, ''))
  return Buffer.concat([Buffer.from('k8s\0', 'latin1'), unknown])
}

export function encodeNodeList(
  nodes: readonly NodeFields[],
  { resourceVersion = '1', next = '' }: { resourceVersion?: string; next?: string } = {},
): Buffer {
  const metadata = message(field(1, ''), field(2, resourceVersion), field(3, next))
  return encodeObject(
    'NodeList',
    message(field(1, metadata), ...nodes.map((node) => field(2, encodeNode(node)))),
  )
}

export const encodeStatus = (code: number, reason: string, text: string): Buffer =>
  encodeObject('Status', statusFields(code, reason, text))

const statusFields = (code: number, reason: string, text: string): Buffer =>
  message(field(2, 'Failure'), field(3, text), field(4, reason), field(6, code))

/** One frame of a watch: an event after its length. */
export function encodeWatchEvent(type: string, node: NodeFields): Buffer {
  return frame(type, encodeObject('Node', encodeNode(node)))
}

export const encodeWatchError = (code: number, reason: string, text: string): Buffer =>
  frame('ERROR', encodeStatus(code, reason, text))

function frame(type: string, object: Buffer): Buffer {
  const event = message(field(1, type), field(2, field(1, object)))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(event.length)
  return Buffer.concat([length, event])
}

/** The bytes in chunks of `size`, as a network delivers them. */
export async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}
