import { parseAddress } from '@selvedge/core/kit'
import {
  type MessageReader,
  type MessageWriter,
  NETLINK_XFRM,
  NetlinkConnection,
  NetlinkError,
  readAddress,
  withOverlayErrors,
} from '@selvedge/dataplane-linux/kit'
import { AF, IPPROTO_ESP, REQID, writeAddress, XFRM_MODE_TUNNEL } from './policy.js'

/* NETLINK_XFRM's states, which hold keys and are charon's. Source of layouts and numbers: include/uapi/linux/xfrm.h. */

export const XFRM_MSG_NEWSA = 0x10
export const XFRM_MSG_DELSA = 0x11
const XFRM_MSG_UPDSA = 0x1a
const XFRM_MSG_GETSA = 0x12
const XFRMA_ALG_AEAD = 18

/** struct xfrm_usersa_info */
const STATE_BYTES = 224
const NLM_F_REQUEST = 1

/** What identifies a state of the kernel's IPsec (`ip xfrm state`): one direction of one tunnel. */
export interface XfrmState {
  /** The outer source address. */
  readonly source: string
  /** The outer destination address. */
  readonly destination: string
  /** The security parameters index of its ESP packets (RFC 4303), 32 bits. */
  readonly spi: number
}

/** An ESP tunnel with AES-GCM of 128 bits, as `ip xfrm state add` or, with XFRM_MSG_UPDSA, `update` sends it. */
export function writeState(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  { source, destination, spi }: XfrmState,
  key: Buffer,
  type: number = XFRM_MSG_NEWSA,
): void {
  writer.begin(type, flags, sequence)
  for (let word = 0; word < 14; word += 1) writer.u32(0)
  writeAddress(writer, requireIpv4(destination))
  writeSpi(writer, spi)
  writer.u32(IPPROTO_ESP)
  writeAddress(writer, requireIpv4(source))
  // struct xfrm_lifetime_cfg: without end; then what the kernel counts.
  for (let word = 0; word < 8; word += 1) writer.u32(0xffff_ffff)
  for (let word = 0; word < 8; word += 1) writer.u32(0)
  for (let word = 0; word < 12; word += 1) writer.u32(0)
  writer.u32(REQID)
  writer.u16(AF[4])
  writer.u8(XFRM_MODE_TUNNEL)
  for (let byte = 0; byte < 9; byte += 1) writer.u8(0)
  // XFRMA_ALG_AEAD: struct xfrm_algo_aead, its name in 64 bytes, the lengths of key and check value in bits.
  const name = Buffer.alloc(64)
  name.write('rfc4106(gcm(aes))')
  writer.u16(4 + name.length + 8 + key.length)
  writer.u16(XFRMA_ALG_AEAD)
  for (const byte of name) writer.u8(byte)
  writer.u32(key.length * 8)
  writer.u32(128)
  for (const byte of key) writer.u8(byte)
  writer.end()
}

/** XFRM_MSG_DELSA */
export function writeDeleteState(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  { destination, spi }: XfrmState,
): void {
  const address = parseAddress(destination)
  if (address === undefined) throw new TypeError(`'${destination}' is not an IP address`)
  writer.begin(XFRM_MSG_DELSA, flags, sequence)
  writeAddress(writer, address)
  writeSpi(writer, spi)
  writer.u16(AF[address.family])
  writer.u8(IPPROTO_ESP)
  writer.u8(0)
  writer.end()
}

/** An ESP tunnel of our reqid; undefined for any other state. Its keys are not read. */
export function readState(message: MessageReader): XfrmState | undefined {
  const { buffer, start } = message
  message.attributesAfter(STATE_BYTES)
  const isOurs =
    buffer.readUInt8(start + 76) === IPPROTO_ESP &&
    buffer.readUInt32LE(start + 208) === REQID &&
    buffer.readUInt8(start + 214) === XFRM_MODE_TUNNEL
  if (!isOurs) return undefined
  const length = buffer.readUInt16LE(start + 212) === AF[6] ? 16 : 4
  return {
    source: readAddress(buffer, start + 80, length),
    destination: readAddress(buffer, start + 56, length),
    spi: buffer.readUInt32BE(start + 72),
  }
}

/** An SPI is in network byte order. */
function writeSpi(writer: MessageWriter, spi: number): void {
  for (const shift of [24, 16, 8, 0]) writer.u8((spi >>> shift) & 0xff)
}

function requireIpv4(text: string) {
  const address = parseAddress(text)
  if (address?.family !== 4) throw new TypeError(`'${text}' is not an IPv4 address`)
  return address
}

/** What `kernelHasEsp` is called with. */
export interface StateOptions {
  /** Network namespace, by path. Default: this process's own. */
  readonly namespace?: string | undefined
  /** Aborting rejects the call with the signal's own reason. Default: it is not aborted. */
  readonly signal?: AbortSignal | undefined
}

/** From this host to itself, with an SPI of the reserved range: it meets no packet and no other state. */
const PROBE: XfrmState = { source: '127.0.0.1', destination: '127.0.0.1', spi: 0xff }

/**
 * Whether the kernel has ESP with AES-GCM. Nothing says so but the answer to a state with it. This is an update of one that
 * is not there: the kernel makes the new state, for which it needs both (and loads their modules), before it finds that
 * there is none to update (net/xfrm/xfrm_user.c, xfrm_add_sa). So nothing changes, not even for a moment. Rejects with an
 * OverlayError if netlink cannot be used, such as `ACCESS_DENIED` without CAP_NET_ADMIN.
 */
export async function kernelHasEsp({ namespace, signal }: StateOptions = {}): Promise<boolean> {
  return withOverlayErrors(async () => {
    await using connection = open({ namespace })
    try {
      await request(
        connection,
        'probing for ESP',
        (writer, flags, sequence) =>
          writeState(writer, flags, sequence, PROBE, Buffer.alloc(20), XFRM_MSG_UPDSA),
        signal,
      )
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error
      if (error.errno === 'ESRCH') return true
      if (MISSING.has(error.errno ?? '')) return false
      throw error
    }
    return true
  })
}

/** The type of the state, or its algorithm, is not there. */
const MISSING: ReadonlySet<string> = new Set([
  'EPROTONOSUPPORT',
  'ENOSYS',
  'ENOENT',
  'EOPNOTSUPP',
  'EAFNOSUPPORT',
])

/** All ESP states of our reqid. */
export async function readStates(options: StateOptions = {}): Promise<readonly XfrmState[]> {
  return withOverlayErrors(async () => {
    await using connection = open(options)
    return await dump(connection, options)
  })
}

/**
 * Deletes all ESP states of our reqid: those that a charon that was killed has left, which the kernel may prefer to those
 * of the next one.
 */
export async function deleteStates(options: StateOptions = {}): Promise<void> {
  await withOverlayErrors(async () => {
    await using connection = open(options)
    await connection.batch(await dump(connection, options), {
      signal: options.signal,
      write: (writer, state, sequence) => writeDeleteState(writer, NLM_F_REQUEST, sequence, state),
      describe: ({ source, destination }) => `deleting the xfrm state from ${source} to ${destination}`,
    })
  })
}

const open = ({ namespace }: StateOptions): NetlinkConnection =>
  new NetlinkConnection({ namespace, protocol: NETLINK_XFRM })

const dump = (connection: NetlinkConnection, { signal }: StateOptions): Promise<XfrmState[]> =>
  connection.dump(
    'reading xfrm states',
    (writer, flags, sequence) => {
      writer.begin(XFRM_MSG_GETSA, flags, sequence)
      writer.end()
    },
    readState,
    { signal },
  )

const request = (
  connection: NetlinkConnection,
  operation: string,
  write: (writer: MessageWriter, flags: number, sequence: number) => void,
  signal: AbortSignal | undefined,
) => connection.request(operation, write, () => undefined, { signal })
