import { ByteStream } from './byte-stream.js'
import {
  decodeListMeta,
  type ListMeta,
  MAGIC,
  NODE_LIST,
  type NodeDecoder,
  type WatchMessage,
} from './node-codec.js'
import type { NodeRecord } from './node-record.js'
import { ProtobufError } from './protobuf.js'

/** Calls `onNode` with each Node of a NodeList as it arrives. Resolves to the list's metadata. */
export async function readNodeList(
  chunks: AsyncIterable<Buffer>,
  decoder: NodeDecoder,
  onNode: (node: NodeRecord) => void,
): Promise<ListMeta> {
  const stream = new ByteStream(chunks)
  if (!(await stream.take(MAGIC.length)).equals(MAGIC)) {
    throw new ProtobufError('a list that does not begin with k8s\\0')
  }
  let meta: ListMeta | undefined
  while (!(await stream.atEnd())) {
    const { number, length } = await readHead(stream)
    if (number !== NODE_LIST.unknownRaw) await stream.take(length)
    else meta = await readItems(stream, length, decoder, onNode)
  }
  if (meta === undefined) throw new ProtobufError('a list without its metadata')
  return meta
}

async function readItems(
  stream: ByteStream,
  total: number,
  decoder: NodeDecoder,
  onNode: (node: NodeRecord) => void,
): Promise<ListMeta | undefined> {
  let meta: ListMeta | undefined
  for (let left = total; left > 0; ) {
    const { number, length, size } = await readHead(stream)
    const piece = await stream.take(length)
    left -= size + length
    if (number === NODE_LIST.metadata) meta = decodeListMeta(piece)
    if (number === NODE_LIST.items) onNode(decoder.decodeItem(piece))
  }
  return meta
}

const LENGTH_DELIMITED = 2

/** The head of a field: its number, the length of its body, and the size of the head itself, both in bytes. */
async function readHead(stream: ByteStream): Promise<{ number: number; length: number; size: number }> {
  const tag = await stream.varint()
  if (tag.value % 8 !== LENGTH_DELIMITED) throw new ProtobufError(`a list with a field tagged ${tag.value}`)
  const length = await stream.varint()
  return { number: Math.floor(tag.value / 8), length: length.value, size: tag.length + length.length }
}

/** Each frame of a watch begins with its length: 32 bits, big-endian. */
const FRAME_HEAD_BYTES = 4

/** The events of a watch, as they arrive. Ends with the stream. */
export async function* readWatch(
  chunks: AsyncIterable<Buffer>,
  decoder: NodeDecoder,
): AsyncGenerator<WatchMessage, void, undefined> {
  const stream = new ByteStream(chunks)
  while (!(await stream.atEnd())) {
    const length = (await stream.take(FRAME_HEAD_BYTES)).readUInt32BE()
    yield decoder.decodeWatchEvent(await stream.take(length))
  }
}
