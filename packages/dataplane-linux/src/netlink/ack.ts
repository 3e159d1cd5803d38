import { OverlayError } from '@selvedge/core'
import { HEADER_LENGTH, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MSG } from './constants.js'
import { errnoName } from './errno.js'
import { AttributeReader, type MessageReader, malformed } from './reader.js'

/** Why a request was not carried out. */
export interface Refusal {
  /** Such as `ENODEV`; undefined where the answer was lost, so that nobody knows what became of the request. */
  readonly errno: string | undefined
  /** The kernel's own explanation (extended ack), where it gave one. */
  readonly text: string | undefined
  /** The kernel was never asked: the request could not be written. */
  readonly unsent?: true
}

/** The outcome of a request whose answer was lost. */
export const UNKNOWN: Refusal = { errno: undefined, text: undefined }

/** Reads NLMSG_ERROR, or the status that NLMSG_DONE ends with; undefined for success. */
export function readAnswer(message: MessageReader, isDone = false): Refusal | undefined {
  const { buffer, start, end } = message
  if (end - start < 4) {
    // Some dumps end without a status.
    if (isDone) return undefined
    throw malformed(`an answer of ${end - start} bytes`)
  }
  const error = -buffer.readInt32LE(start)
  if (error === 0) return undefined
  return { errno: errnoName(error), text: readText(message, isDone) }
}

function readText(message: MessageReader, isDone: boolean): string | undefined {
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return undefined
  let at = message.start + 4
  if (!isDone) {
    if (message.end - at < HEADER_LENGTH) throw malformed(`an answer of ${message.end - message.start} bytes`)
    const echoed = (message.flags & NLM_F_CAPPED) === 0 ? message.buffer.readUInt32LE(at) : HEADER_LENGTH
    if (echoed > message.end - at) throw malformed(`an answer to a message of ${echoed} bytes`)
    at += (echoed + 3) & ~3
  }
  const attributes = new AttributeReader(message.buffer, at, message.end)
  while (attributes.next()) {
    if (attributes.type === NLMSGERR_ATTR_MSG) return attributes.text()
  }
  return undefined
}

/** `ENODEV`, or `EINVAL: Invalid MTU`, or that the answer was lost. */
export function refusalText({ errno, text }: Refusal): string {
  if (errno === undefined) return 'the answer was lost, its outcome is not known'
  return text === undefined ? errno : `${errno}: ${text}`
}

/** The error to throw for `attempted`, such as `creating link flannel.1`. */
export function refusalError(refusal: Refusal, attempted: string): OverlayError {
  if (refusal.unsent)
    return new OverlayError('KERNEL_REFUSED', `${attempted}: ${refusal.text}`, { errno: 'EINVAL' })
  const { errno } = refusal
  const said = `${attempted}: the kernel answered ${refusalText(refusal)}`
  if (errno === undefined) return new OverlayError('KERNEL_REFUSED', `${attempted}: ${refusalText(refusal)}`)
  if (errno === 'EPERM' || errno === 'EACCES') {
    return new OverlayError('ACCESS_DENIED', `${said}. It takes CAP_NET_ADMIN in the network namespace`, {
      errno,
    })
  }
  if (errno === 'EOPNOTSUPP' || errno === 'EAFNOSUPPORT' || errno === 'EPROTONOSUPPORT') {
    return new OverlayError('UNSUPPORTED', `${said}. This kernel lacks the feature`, { errno })
  }
  return new OverlayError('KERNEL_REFUSED', said, { errno })
}
