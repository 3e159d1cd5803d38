import type { LinkSettings } from '@selvedge/core/kit'
import { AttributeReader, MessageWriter } from '../netlink/index.js'
import type { IndexOf, LinkType, NameOf } from './link-type.js'

/** The bytes inside IFLA_INFO_DATA for these settings. For tests of a link type. */
export function encodeLinkSettings(type: LinkType, settings: LinkSettings, indexOf: IndexOf): Uint8Array {
  const writer = new MessageWriter()
  type.encode(settings, writer, indexOf)
  return Uint8Array.from(writer.bytes())
}

/** The settings that the bytes inside IFLA_INFO_DATA mean. */
export function decodeLinkSettings(type: LinkType, data: Uint8Array, nameOf: NameOf): LinkSettings {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return type.decode(new AttributeReader(bytes, 0, bytes.length), nameOf)
}
