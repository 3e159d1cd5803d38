import { type Address, familyOf, parseAddress, requireCidr } from '@selvedge/core/kit'
import { type MessageReader, type MessageWriter, readAddress } from '@selvedge/dataplane-linux/kit'
import { type XfrmPolicyResource, xfrmPolicy, xfrmPolicyKey } from '../resource.js'

/* NETLINK_XFRM's policies. Source of the layouts and numbers: include/uapi/linux/xfrm.h. */

export const XFRM_MSG_NEWPOLICY = 0x13
export const XFRM_MSG_DELPOLICY = 0x14
export const XFRM_MSG_GETPOLICY = 0x15
export const XFRM_MSG_UPDPOLICY = 0x19
export const XFRM_MSG_FLUSHPOLICY = 0x1d

const XFRMA_TMPL = 5
const XFRMA_POLICY_TYPE = 16
const XFRMA_MARK = 21
const XFRMA_IF_ID = 31

const DIRECTIONS = ['in', 'out', 'fwd'] as const
const ACTIONS = ['allow', 'block'] as const

/** Address families. */
export const AF = { 4: 2, 6: 10 } as const
export const IPPROTO_ESP = 50
export const XFRM_MODE_TUNNEL = 1

/** struct xfrm_selector, xfrm_userpolicy_info, xfrm_userpolicy_id, xfrm_user_tmpl, nlattr */
const SELECTOR_BYTES = 56
const POLICY_BYTES = 168
const POLICY_ID_BYTES = 64
const TEMPLATE_BYTES = 64
const ATTRIBUTE_HEADER_BYTES = 4

/** flannel's, of its policies and of charon's states: how they find each other. */
export const REQID = 11

/** Tunnels have flannel's. By the others, which no program is likely to use, ours are known. */
export const PRIORITY = { tunnel: 0, allow: 0x5e1ed9e0, block: 0x5e1ed9e1 } as const

/** XFRM_MSG_NEWPOLICY, which the kernel refuses if there is one already, or XFRM_MSG_UPDPOLICY, which replaces it. `port` is the sender's. */
export function writePolicy(
  writer: MessageWriter,
  type: typeof XFRM_MSG_NEWPOLICY | typeof XFRM_MSG_UPDPOLICY,
  flags: number,
  sequence: number,
  policy: XfrmPolicyResource,
  port?: number,
): void {
  const { direction, action, priority, tunnel } = policy
  writer.begin(type, flags, sequence, port)
  writeSelector(writer, policy.source, policy.destination)
  // struct xfrm_lifetime_cfg: four limits of bytes and packets, without end, and four of time, none.
  for (let word = 0; word < 8; word += 1) writer.u32(0xffff_ffff)
  for (let word = 0; word < 8; word += 1) writer.u32(0)
  // struct xfrm_lifetime_cur: the kernel's.
  for (let word = 0; word < 8; word += 1) writer.u32(0)
  writer.u32(priority)
  writer.u32(0)
  writer.u8(DIRECTIONS.indexOf(direction))
  writer.u8(ACTIONS.indexOf(action))
  writer.u8(0)
  writer.u8(0)
  writer.u32(0)
  if (tunnel !== undefined) writeTemplate(writer, tunnel.source, tunnel.destination)
  writer.end()
}

/** XFRM_MSG_DELPOLICY */
export function writeDeletePolicy(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  policy: XfrmPolicyResource,
  port?: number,
): void {
  writer.begin(XFRM_MSG_DELPOLICY, flags, sequence, port)
  writeSelector(writer, policy.source, policy.destination)
  writer.u32(0)
  writer.u8(DIRECTIONS.indexOf(policy.direction))
  writer.u8(0)
  writer.u16(0)
  writer.end()
}

/** XFRM_MSG_GETPOLICY with NLM_F_DUMP: all policies. */
export function writeGetPolicies(writer: MessageWriter, flags: number, sequence: number): void {
  writer.begin(XFRM_MSG_GETPOLICY, flags, sequence)
  writer.end()
}

/** struct xfrm_selector: of any protocol and ports. */
export function writeSelector(writer: MessageWriter, source: string, destination: string): void {
  const from = requireCidr(source)
  const to = requireCidr(destination)
  writeAddress(writer, { family: to.family, value: to.base })
  writeAddress(writer, { family: from.family, value: from.base })
  writer.u32(0)
  writer.u32(0)
  writer.u16(AF[to.family])
  writer.u8(to.length)
  writer.u8(from.length)
  for (let word = 0; word < 3; word += 1) writer.u32(0)
}

/** XFRMA_TMPL with one struct xfrm_user_tmpl: an ESP tunnel of any algorithms. */
function writeTemplate(writer: MessageWriter, source: string, destination: string): void {
  writer.u16(ATTRIBUTE_HEADER_BYTES + TEMPLATE_BYTES)
  writer.u16(XFRMA_TMPL)
  writeAddress(writer, requireAddress(destination))
  writer.u32(0)
  writer.u32(IPPROTO_ESP)
  writer.u32(AF[familyOf(source)])
  writeAddress(writer, requireAddress(source))
  writer.u32(REQID)
  writer.u32(XFRM_MODE_TUNNEL)
  for (let word = 0; word < 3; word += 1) writer.u32(0xffff_ffff)
}

/** xfrm_address_t: 16 bytes, of which IPv4 takes the first 4. */
export function writeAddress(writer: MessageWriter, { family, value }: Address): void {
  const length = family === 4 ? 4 : 16
  for (let at = 0; at < 16; at += 1) {
    writer.u8(at < length ? Number((value >> BigInt(8 * (length - 1 - at))) & 0xffn) : 0)
  }
}

/**
 * The policy that a message of type NEWPOLICY or UPDPOLICY describes; undefined for one that no XfrmPolicyResource does,
 * such as a socket's, or another program's for certain ports or with other transformations.
 *
 * @param reqid of its tunnel. Default: flannel's
 */
export function readPolicy(
  message: MessageReader,
  reqid: number | 'any' = REQID,
): XfrmPolicyResource | undefined {
  const { buffer, start } = message
  const attributes = message.attributesAfter(POLICY_BYTES)
  const selector = readSelector(buffer, start)
  const direction = DIRECTIONS[buffer.readUInt8(start + 160)]
  const action = ACTIONS[buffer.readUInt8(start + 161)]
  const priority = buffer.readUInt32LE(start + 152)
  let tunnel: Tunnel | undefined
  while (attributes.next()) {
    const { type, length, start: at } = attributes
    if (type === XFRMA_TMPL) {
      tunnel = length === TEMPLATE_BYTES ? readTemplate(buffer, at, reqid) : undefined
      if (tunnel === undefined) return undefined
    } else if (type === XFRMA_POLICY_TYPE) {
      if (attributes.u8() !== 0) return undefined
    } else if (type === XFRMA_MARK || type === XFRMA_IF_ID) return undefined
  }
  if (selector === undefined || direction === undefined || action === undefined) return undefined
  return xfrmPolicy({ direction, ...selector, action, priority, ...(tunnel && { tunnel }) })
}

/** The key of the policy that a message of type DELPOLICY names; undefined for one that we do not have. */
export function readDeletedKey(message: MessageReader): string | undefined {
  message.attributesAfter(POLICY_ID_BYTES)
  const selector = readSelector(message.buffer, message.start)
  const direction = DIRECTIONS[message.buffer.readUInt8(message.start + SELECTOR_BYTES + 4)]
  return selector === undefined || direction === undefined
    ? undefined
    : xfrmPolicyKey({ direction, ...selector })
}

type Tunnel = NonNullable<XfrmPolicyResource['tunnel']>

/** Undefined for one of a protocol, of ports, of a device or of a user. */
function readSelector(buffer: Buffer, at: number): { source: string; destination: string } | undefined {
  const length = addressLength(buffer.readUInt16LE(at + 40))
  if (length === undefined) return undefined
  const rest = [buffer.readUInt32LE(at + 32), buffer.readUInt32LE(at + 36), buffer.readUInt8(at + 44)]
  const owners = [buffer.readUInt32LE(at + 48), buffer.readUInt32LE(at + 52)]
  if ([...rest, ...owners].some((value) => value !== 0)) return undefined
  return {
    source: `${readAddress(buffer, at + 16, length)}/${buffer.readUInt8(at + 43)}`,
    destination: `${readAddress(buffer, at, length)}/${buffer.readUInt8(at + 42)}`,
  }
}

/** Undefined for what is no ESP tunnel of this reqid. */
function readTemplate(buffer: Buffer, at: number, reqid: number | 'any'): Tunnel | undefined {
  const length = addressLength(buffer.readUInt16LE(at + 24))
  const isTunnel =
    buffer.readUInt8(at + 20) === IPPROTO_ESP &&
    buffer.readUInt8(at + 48) === XFRM_MODE_TUNNEL &&
    (reqid === 'any' || buffer.readUInt32LE(at + 44) === reqid)
  if (!isTunnel || length === undefined) return undefined
  return { source: readAddress(buffer, at + 28, length), destination: readAddress(buffer, at, length) }
}

const addressLength = (family: number): 4 | 16 | undefined =>
  family === AF[4] ? 4 : family === AF[6] ? 16 : undefined

function requireAddress(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new TypeError(`'${text}' is not an IP address`)
  return address
}
