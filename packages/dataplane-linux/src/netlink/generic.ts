import type { CallOptions, NetlinkConnection } from './connection.js'
import type { MessageWriter } from './writer.js'

/** Generic netlink: its header, and the controller that knows its families. include/uapi/linux/genetlink.h */
const GENL_ID_CTRL = 0x10
const CTRL_CMD_GETFAMILY = 3
const CTRL_VERSION = 1
const CTRL_ATTR_FAMILY_ID = 1
const CTRL_ATTR_FAMILY_NAME = 2

/** `struct genlmsghdr`: command, version, 2 bytes reserved. */
export const GENERIC_HEADER_LENGTH = 4

/** What a message of a family begins with. */
export interface GenericHeader {
  /** The number that the kernel has given the family, 16 bits, from {@link findFamily}. */
  readonly family: number
  /** One of the family's commands, 8 bits. */
  readonly command: number
  /** Of the family's protocol, 8 bits. */
  readonly version: number
}

/** Begins a message of generic netlink; attributes follow. */
export function beginGeneric(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  { family, command, version }: GenericHeader,
): void {
  writer.begin(family, flags, sequence)
  writer.u8(command)
  writer.u8(version)
  writer.u16(0)
}

/** Asks for a family by name, such as `wireguard`. */
export function writeGetFamily(writer: MessageWriter, flags: number, sequence: number, name: string): void {
  const header = { family: GENL_ID_CTRL, command: CTRL_CMD_GETFAMILY, version: CTRL_VERSION }
  beginGeneric(writer, flags, sequence, header)
  writer.attributeText(CTRL_ATTR_FAMILY_NAME, name)
  writer.end()
}

/**
 * The number of a family; undefined if this kernel has none of that name. The kernel loads the module that brings it if
 * there is one. Rejects as every call of the connection does.
 */
export async function findFamily(
  connection: NetlinkConnection,
  name: string,
  options: CallOptions = {},
): Promise<number | undefined> {
  const [family] = await connection.request(
    `looking for ${name} in generic netlink`,
    (writer, flags, sequence) => writeGetFamily(writer, flags, sequence, name),
    (message) => {
      const attributes = message.attributesAfter(GENERIC_HEADER_LENGTH)
      while (attributes.next()) {
        if (attributes.type === CTRL_ATTR_FAMILY_ID) return attributes.u16()
      }
      return undefined
    },
    { ...options, absence: ['ENOENT'] },
  )
  return family
}
