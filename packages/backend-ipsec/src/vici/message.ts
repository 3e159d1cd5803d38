/*
 * Messages of vici, strongSwan's control protocol: a tree of sections, lists and values. Its elements are a type (one
 * byte), a name with an 8-bit length, a value with a 16-bit one
 * (https://github.com/strongswan/strongswan/blob/master/src/libcharon/plugins/vici/README.md).
 */

/** A section. Numbers and switches are text: `'2'`, `'yes'`. */
export interface ViciSection {
  readonly [name: string]: ViciValue | undefined
}

export type ViciValue = string | readonly string[] | ViciSection

export const isSection = (value: ViciValue | undefined): value is ViciSection =>
  typeof value === 'object' && !Array.isArray(value)

/** What was received is no vici. */
export class ViciFormatError extends Error {
  override readonly name = 'ViciFormatError'
}

const SECTION_START = 1
const SECTION_END = 2
const KEY_VALUE = 3
const LIST_START = 4
const LIST_ITEM = 5
const LIST_END = 6

const MAX_NAME_BYTES = 255
const MAX_VALUE_BYTES = 65_535

/** charon's own messages have 4 levels. */
const MAX_DEPTH = 16

/** Encodes a message. Throws a TypeError for a name or a value that is too long; it does not quote a value. */
export function encodeMessage(section: ViciSection): Buffer {
  const parts: Buffer[] = []
  writeSection(section, parts)
  return Buffer.concat(parts)
}

function writeSection(section: ViciSection, parts: Buffer[]): void {
  for (const [name, value] of Object.entries(section)) {
    if (value === undefined) continue
    if (typeof value === 'string') {
      parts.push(Buffer.of(KEY_VALUE), nameBytes(name), valueBytes(name, value))
    } else if (isList(value)) {
      parts.push(Buffer.of(LIST_START), nameBytes(name))
      for (const item of value) parts.push(Buffer.of(LIST_ITEM), valueBytes(name, item))
      parts.push(Buffer.of(LIST_END))
    } else {
      parts.push(Buffer.of(SECTION_START), nameBytes(name))
      writeSection(value, parts)
      parts.push(Buffer.of(SECTION_END))
    }
  }
}

/** A name with its length before it. */
export function nameBytes(name: string): Buffer {
  const bytes = Buffer.from(name)
  if (bytes.length > MAX_NAME_BYTES)
    throw new TypeError(`the name ${name} has more than ${MAX_NAME_BYTES} bytes`)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

function valueBytes(name: string, value: string): Buffer {
  const bytes = Buffer.from(value)
  if (bytes.length > MAX_VALUE_BYTES)
    throw new TypeError(`the value of ${name} has more than ${MAX_VALUE_BYTES} bytes`)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

const isList = (value: readonly string[] | ViciSection): value is readonly string[] => Array.isArray(value)

/** Decodes a message. Throws a {@link ViciFormatError} that says where it breaks the format; it quotes no value. */
export function decodeMessage(bytes: Buffer): ViciSection {
  return new MessageReader(bytes).message()
}

type OpenSection = Record<string, ViciValue>

class MessageReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  message(): ViciSection {
    const root = newSection()
    const open = [root]
    let list: string[] | undefined
    while (this.#at < this.#bytes.length) {
      const type = this.#uint(1)
      const section = open.at(-1) ?? root
      if (list !== undefined) {
        if (type === LIST_ITEM) list.push(this.#text(this.#uint(2)))
        else if (type === LIST_END) list = undefined
        else throw this.#broken(`an element of type ${type} is inside a list`)
      } else if (type === KEY_VALUE) {
        const name = this.#newName(section)
        section[name] = this.#text(this.#uint(2))
      } else if (type === LIST_START) {
        list = []
        section[this.#newName(section)] = list
      } else if (type === SECTION_START) {
        if (open.length >= MAX_DEPTH) throw this.#broken(`it is more than ${MAX_DEPTH} sections deep`)
        const inner = newSection()
        section[this.#newName(section)] = inner
        open.push(inner)
      } else if (type === SECTION_END && open.length > 1) {
        open.pop()
      } else {
        throw this.#broken(`an element of type ${type} is where none may be`)
      }
    }
    if (list !== undefined || open.length > 1) throw this.#broken('it ends inside a list or a section')
    return root
  }

  #newName(section: OpenSection): string {
    const name = this.#text(this.#uint(1))
    if (Object.hasOwn(section, name)) throw this.#broken('it has one name twice')
    return name
  }

  #uint(size: number): number {
    if (this.#at + size > this.#bytes.length) throw this.#broken('it ends too early')
    const value = this.#bytes.readUIntBE(this.#at, size)
    this.#at += size
    return value
  }

  #text(length: number): string {
    const end = this.#at + length
    if (end > this.#bytes.length) throw this.#broken('it ends too early')
    const text = this.#bytes.toString('utf8', this.#at, end)
    this.#at = end
    return text
  }

  #broken(why: string): ViciFormatError {
    return new ViciFormatError(
      `a vici message of ${this.#bytes.length} bytes is malformed at byte ${this.#at}: ${why}`,
    )
  }
}

/** Without a prototype, a name such as `__proto__` is a name like any other. */
const newSection = (): OpenSection => Object.create(null)
