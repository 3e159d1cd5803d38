import type { LinkSettings } from '@selvedge/core/kit'
import type { AttributeReader, AttributeWriter } from '../netlink/index.js'

/** The name of a link; undefined for index 0, and if the link is gone or in another network namespace. */
export type NameOf = (index: number) => string | undefined

/** The index of a link. Throws an OverlayError with errno ENODEV if there is no link of this name. */
export type IndexOf = (name: string) => number

/** A UDP port at which a link of this type receives packets from peers. */
export interface ListeningPort {
  /** 1 to 65535. */
  readonly port: number
  /** The address family; undefined if it may be either. */
  readonly family?: 4 | 6 | undefined
}

/**
 * One type of links: how its settings stand in the kernel's messages. `linux({ linkTypes })` takes those that this
 * package lacks. A setting `parent` is the name of the link that outer packets leave by; its changes are watched.
 */
export interface LinkType {
  /** IFLA_INFO_KIND, such as `vxlan`. */
  readonly name: string
  /** Names of the settings that the kernel can change in place. A change of any other recreates the link. */
  readonly changeable: readonly string[]
  /** Links of this type have an fdb of their own, which is read and watched. */
  readonly hasFdb?: boolean | undefined
  /** Writes settings as the attributes of IFLA_INFO_DATA. Throws a TypeError for a setting of the wrong type. */
  encode(settings: LinkSettings, writer: AttributeWriter, indexOf: IndexOf): void
  /** Reads IFLA_INFO_DATA as settings in canonical form: what `encode` would be called with for the same link. */
  decode(attributes: AttributeReader, nameOf: NameOf): LinkSettings
  /**
   * Makes a link that the kernel does not make over netlink, down and without an address, in the network namespace of the
   * calling thread. Its MTU and all else that every link has is set afterwards. Throws whatever stands in the way.
   */
  create?(name: string, settings: LinkSettings): void
  /**
   * Throws an OverlayError that names what this process lacks to make such links, changing nothing.
   *
   * @param lookOnly open no device either
   */
  preflight?(lookOnly: boolean): void
  /** What two links cannot both have, such as `VNI 1 on UDP port 8472`; undefined if both can exist. */
  conflict?(settings: LinkSettings, other: LinkSettings): string | undefined
  /** The UDP port that the kernel opens while such a link is up; undefined if there is none. */
  listensOn?(settings: LinkSettings): ListeningPort | undefined
}

/** The setting of this name. Throws a TypeError if it is there and not a number. */
export function numberSetting(settings: LinkSettings, name: string): number | undefined {
  const value = settings[name]
  if (value === undefined || typeof value === 'number') return value
  throw wrongType(name, 'a number', value)
}

/** The setting of this name. Throws a TypeError if it is there and not a string. */
export function textSetting(settings: LinkSettings, name: string): string | undefined {
  const value = settings[name]
  if (value === undefined || typeof value === 'string') return value
  throw wrongType(name, 'a string', value)
}

/** The setting of this name. Throws a TypeError if it is there and not a boolean. */
export function booleanSetting(settings: LinkSettings, name: string): boolean | undefined {
  const value = settings[name]
  if (value === undefined || typeof value === 'boolean') return value
  throw wrongType(name, 'true or false', value)
}

const wrongType = (name: string, expected: string, value: unknown): TypeError =>
  new TypeError(`the link setting ${name} must be ${expected}, not ${JSON.stringify(value)}`)
