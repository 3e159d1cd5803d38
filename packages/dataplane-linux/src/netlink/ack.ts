import { HEADER_LENGTH, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MSG } from './constants.js'
import { errnoName } from './errno.js'
import { malformed } from './errors.js'
import { AttributeReader, type MessageReader } from './reader.js'

/** A negative acknowledgement. */
export interface Nack {
  /** Such as `ENODEV`. */
  readonly errno: string
  /** The kernel's own explanation (extended ack), if it gave one. */
  readonly kernelText: string | undefined
}

/** Reads NLMSG_ERROR, or the status that ends NLMSG_DONE; undefined for success. */
export function readAck(message: MessageReader, isDone = false): Nack | undefined {
  const { buffer, start, end } = message
  if (end - start < 4) {
    // Some dumps end without a status.
    if (isDone) return undefined
    throw malformed(`an acknowledgement of ${end - start} bytes`)
  }
  const error = -buffer.readInt32LE(start)
  if (error === 0) return undefined
  return { errno: errnoName(error), kernelText: readText(message, isDone) }
}

function readText(message: MessageReader, isDone: boolean): string | undefined {
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return undefined
  const { buffer, start, end } = message
  let at = start + 4
  if (!isDone) {
    if (end - at < HEADER_LENGTH) throw malformed(`an acknowledgement of ${end - start} bytes`)
    const echoed = (message.flags & NLM_F_CAPPED) === 0 ? buffer.readUInt32LE(at) : HEADER_LENGTH
    if (echoed > end - at) throw malformed(`an acknowledgement of a message of ${echoed} bytes`)
    at += (echoed + 3) & ~3
  }
  const attributes = new AttributeReader(buffer, at, end)
  while (attributes.next()) {
    if (attributes.type === NLMSGERR_ATTR_MSG) return attributes.text()
  }
  return undefined
}
