import { printable, RECORD_LIMITS } from '@selvedge/core/kit'
import { type AnnotationName, isAnnotationName } from '../annotations.js'
import type { NodeRecord } from './node-record.js'
import { FieldReader, ProtobufError } from './protobuf.js'

/**
 * The fields of the API's protobuf messages that a lease needs. Their numbers never change within an API version; they
 * are those of `generated.proto` in k8s.io/apimachinery/pkg/runtime, …/apis/meta/v1 and k8s.io/api/core/v1.
 */
const UNKNOWN = { raw: 2 }
const LIST_META = { resourceVersion: 2, continue: 3 }
const OBJECT_META = { name: 1, uid: 5, resourceVersion: 6, created: 8, annotations: 12 }
const TIME = { seconds: 1 }
const MAP_ENTRY = { key: 1, value: 2 }
const NODE = { metadata: 1, spec: 2 }
const NODE_SPEC = { podCidr: 1, podCidrs: 7 }
/** A node has one PodCIDR of each family. */
const MAX_POD_CIDRS = 16
const STATUS = { message: 3, reason: 4, code: 6 }
const WATCH_EVENT = { type: 1, object: 2 }
const RAW_EXTENSION = { raw: 1 }

/** A longer value is not read: it cannot be a lease's. */
export const MAX_ANNOTATION_BYTES = RECORD_LIMITS.maxLength

/** The beginning of every object in the storage encoding. The object follows, wrapped in a runtime.Unknown. */
export const MAGIC: Buffer = Buffer.from('k8s\0', 'latin1')

/** The fields of a NodeList, which is read while it still arrives. */
export const NODE_LIST = { unknownRaw: UNKNOWN.raw, metadata: 1, items: 2 } as const

export interface ListMeta {
  readonly resourceVersion: string
  /** The token of the next page; empty on the last. */
  readonly continue: string
}

/** The API server's answer to a request that it does not fulfil. */
export interface ApiStatus {
  readonly code: number
  /** Such as `Forbidden`, `Expired`. */
  readonly reason: string
  readonly message: string
}

export type WatchMessage =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly node: NodeRecord }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }
  | { readonly type: 'ERROR'; readonly status: ApiStatus }

const NO_METADATA = { name: '', uid: '', resourceVersion: '', created: 0, annotations: {} }

/** Decodes Nodes with the annotations under one prefix. */
export class NodeDecoder {
  readonly #prefix: Buffer

  /** @param prefix such as `flannel.alpha.coreos.com/` */
  constructor(prefix: string) {
    this.#prefix = Buffer.from(prefix)
  }

  /** Decodes an answer that is one Node. */
  decodeNode(body: Buffer): NodeRecord {
    return this.#node(unwrap(body))
  }

  /** Decodes one item of a NodeList: a Node without its wrapper. */
  decodeItem(item: Buffer): NodeRecord {
    return this.#node(new FieldReader(item))
  }

  /** Decodes one frame of a watch. */
  decodeWatchEvent(frame: Buffer): WatchMessage {
    const fields = new FieldReader(frame)
    let type = ''
    let object: FieldReader | undefined
    while (fields.next()) {
      if (fields.number === WATCH_EVENT.type) type = fields.text()
      if (fields.number === WATCH_EVENT.object) object = rawExtension(fields.message())
    }
    if (object === undefined) {
      throw new ProtobufError(`a watch event of type '${printable(type)}' without an object`)
    }
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED':
        return { type, node: this.#node(object) }
      case 'BOOKMARK':
        return { type, resourceVersion: this.#node(object).resourceVersion }
      case 'ERROR':
        return { type, status: readStatus(object) }
      default:
        throw new ProtobufError(`a watch event of type '${printable(type)}'`)
    }
  }

  #node(fields: FieldReader): NodeRecord {
    let metadata: Omit<NodeRecord, 'podCidrs'> = NO_METADATA
    let podCidrs: readonly string[] = []
    while (fields.next()) {
      if (fields.number === NODE.metadata) metadata = this.#metadata(fields.message())
      if (fields.number === NODE.spec) podCidrs = readPodCidrs(fields.message())
    }
    return { ...metadata, podCidrs }
  }

  #metadata(fields: FieldReader): Omit<NodeRecord, 'podCidrs'> {
    let name = ''
    let uid = ''
    let resourceVersion = ''
    let created = 0
    const annotations: { [K in AnnotationName]?: string } = {}
    const oversized: AnnotationName[] = []
    while (fields.next()) {
      switch (fields.number) {
        case OBJECT_META.name:
          name = fields.text()
          break
        case OBJECT_META.uid:
          uid = fields.text()
          break
        case OBJECT_META.resourceVersion:
          resourceVersion = fields.text()
          break
        case OBJECT_META.created:
          created = readSeconds(fields.message())
          break
        case OBJECT_META.annotations: {
          const entry = this.#annotation(fields.message())
          if (entry?.value !== undefined) annotations[entry.name] = entry.value
          else if (entry !== undefined) oversized.push(entry.name)
        }
      }
    }
    const node = { name, uid, resourceVersion, created, annotations }
    return oversized.length === 0 ? node : { ...node, oversized }
  }

  /** The value is undefined if it is too long. */
  #annotation(entry: FieldReader): { name: AnnotationName; value: string | undefined } | undefined {
    let name: AnnotationName | undefined
    let value: string | undefined = ''
    while (entry.next()) {
      if (entry.number === MAP_ENTRY.key) {
        if (!entry.startsWith(this.#prefix)) return undefined
        const rest = entry.bytes.toString('utf8', entry.start + this.#prefix.length, entry.end)
        if (!isAnnotationName(rest)) return undefined
        name = rest
      }
      if (entry.number === MAP_ENTRY.value) {
        value = entry.end - entry.start > MAX_ANNOTATION_BYTES ? undefined : entry.text()
      }
    }
    return name === undefined ? undefined : { name, value }
  }
}

/** Decodes an answer that is a Status. */
export const decodeStatus = (body: Buffer): ApiStatus => readStatus(unwrap(body))

/** Decodes the metadata of a list. */
export function decodeListMeta(message: Buffer): ListMeta {
  const fields = new FieldReader(message)
  const meta = { resourceVersion: '', continue: '' }
  while (fields.next()) {
    if (fields.number === LIST_META.resourceVersion) meta.resourceVersion = fields.text()
    if (fields.number === LIST_META.continue) meta.continue = fields.text()
  }
  return meta
}

/** Steps into the object inside the storage encoding. */
function unwrap(bytes: Buffer, start = 0, end = bytes.length): FieldReader {
  if (bytes.compare(MAGIC, 0, MAGIC.length, start, Math.min(end, start + MAGIC.length)) !== 0) {
    throw new ProtobufError('an object that does not begin with k8s\\0')
  }
  const fields = new FieldReader(bytes, start + MAGIC.length, end)
  while (fields.next()) if (fields.number === UNKNOWN.raw) return fields.message()
  // An object whose fields are all empty has no raw field.
  return new FieldReader(bytes, end, end)
}

function rawExtension(fields: FieldReader): FieldReader | undefined {
  while (fields.next()) {
    if (fields.number === RAW_EXTENSION.raw) return unwrap(fields.bytes, fields.start, fields.end)
  }
  return undefined
}

function readPodCidrs(fields: FieldReader): readonly string[] {
  let first = ''
  const all: string[] = []
  while (fields.next()) {
    if (fields.number === NODE_SPEC.podCidr) first = fields.text()
    if (fields.number === NODE_SPEC.podCidrs && all.length < MAX_POD_CIDRS) all.push(fields.text())
  }
  return all.length > 0 || first === '' ? all : [first]
}

function readSeconds(time: FieldReader): number {
  while (time.next()) if (time.number === TIME.seconds) return time.varint()
  return 0
}

function readStatus(fields: FieldReader): ApiStatus {
  const status = { code: 0, reason: '', message: '' }
  while (fields.next()) {
    if (fields.number === STATUS.code) status.code = fields.varint()
    if (fields.number === STATUS.reason) status.reason = fields.text()
    if (fields.number === STATUS.message) status.message = fields.text()
  }
  return status
}
