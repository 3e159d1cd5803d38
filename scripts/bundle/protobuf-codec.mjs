/**
 * Turns definitions of services, which protobufjs has parsed, into the text of a module that takes the place of
 * @grpc/proto-loader: its `loadSync` gives what gRPC makes clients of. Messages look as proto-loader makes them with
 * `keepCase`, `defaults`, `oneofs` and with `longs` and `enums` as text.
 *
 * proto-loader does the same work in each process that starts: it reads the .proto files, makes a descriptor of every
 * message, and compiles those that are used.
 */
import protobuf from 'protobufjs'

/** How each scalar is read, and its value where a message lacks it. The names are those of protobufjs's Reader. */
const SCALARS = {
  bool: { read: 'r.bool()', absent: 'false' },
  bytes: { read: 'r.bytes()', absent: 'EMPTY' },
  int32: { read: 'r.int32()', absent: '0' },
  int64: { read: 'readLong(r, r.int64)', absent: '"0"' },
  string: { read: 'r.string()', absent: '""' },
  uint32: { read: 'r.uint32()', absent: '0' },
  uint64: { read: 'readLong(r, r.uint64)', absent: '"0"' },
}

const VARINT = 0
const LENGTH_DELIMITED = 2
const WIRE_TYPES = { bytes: LENGTH_DELIMITED, string: LENGTH_DELIMITED }

const PRELUDE = `import { Reader, Writer } from 'protobufjs/minimal.js'
const EMPTY = Buffer.alloc(0)
const enumName = (names, number) => names[number] ?? number
/** A number that fits in four bytes needs no Long. */
function readLong(r, read) {
  let value = 0
  for (let i = 0; i < 4; i += 1) {
    const byte = r.buf[r.pos + i]
    value |= (byte & 127) << (7 * i)
    if (byte < 128) {
      r.pos += i + 1
      return String(value)
    }
  }
  return read.call(r).toString()
}`

/** @param {protobuf.Root} root all of whose services are meant */
export function codecOf(root) {
  root.resolveAll()
  const messages = new Map()
  const services = servicesIn(root)
  const entries = services.map((service) => {
    const methods = service.methodsArray.map((method) => {
      const [request, response] = [method.resolvedRequestType, method.resolvedResponseType]
      collect(request, messages)
      collect(response, messages)
      return `${method.name}: {
        path: '/${nameOf(service)}/${method.name}',
        requestStream: ${method.requestStream === true},
        responseStream: ${method.responseStream === true},
        originalName: '${protobuf.util.lcFirst(method.name)}',
        requestSerialize: (message) => ${writerOf(request)}(message, Writer.create()).finish(),
        responseDeserialize: (bytes) => ${readerOf(response)}(Reader.create(bytes), bytes.length),
      }`
    })
    return `'${nameOf(service)}': { ${methods.join(',\n')} }`
  })
  const enums = new Set(
    [...messages.values()].flatMap((type) => type.fieldsArray.map((field) => field.resolvedType)),
  )
  return [
    PRELUDE,
    ...[...enums].filter((type) => type instanceof protobuf.Enum).map(enumText),
    ...[...messages.values()].flatMap((type) => [writerText(type), readerText(type)]),
    `const SERVICES = { ${entries.join(',\n')} }`,
    'export const loadSync = () => SERVICES',
  ].join('\n')
}

function servicesIn(namespace) {
  return namespace.nestedArray.flatMap((object) => {
    if (object instanceof protobuf.Service) return object
    return object instanceof protobuf.Namespace ? servicesIn(object) : []
  })
}

/** Adds a message and all that it contains. */
function collect(type, messages) {
  if (messages.has(type.fullName)) return
  messages.set(type.fullName, type)
  for (const field of type.fieldsArray) {
    if (field.map) throw new Error(`${field.fullName} is a map, which this does not know`)
    if (field.resolvedType instanceof protobuf.Type) collect(field.resolvedType, messages)
    else if (field.resolvedType === null && SCALARS[field.type] === undefined) {
      throw new Error(`${field.fullName} is a ${field.type}, which this does not know`)
    }
  }
}

/** Without the dot that begins it. */
function nameOf(object) {
  return object.fullName.slice(1)
}

function identifier(prefix, type) {
  return `${prefix}_${nameOf(type).replaceAll('.', '_')}`
}
const readerOf = (type) => identifier('read', type)
const writerOf = (type) => identifier('write', type)
const namesOf = (type) => identifier('names', type)

function enumText(type) {
  return `const ${namesOf(type)} = ${JSON.stringify(type.valuesById)}
const ${identifier('values', type)} = ${JSON.stringify(type.values)}`
}

function wireTypeOf(field) {
  if (field.resolvedType instanceof protobuf.Type) return LENGTH_DELIMITED
  return WIRE_TYPES[field.type] ?? VARINT
}

function writerText(type) {
  const fields = type.fieldsArray.map((field) => {
    const value = `m.${field.name}`
    if (!field.repeated) return `if (${value} != null) ${writeText(field, value)}`
    if (!field.packed || wireTypeOf(field) === LENGTH_DELIMITED)
      return `if (${value} != null) for (const e of ${value}) ${writeText(field, 'e')}`
    return `if (${value} != null && ${value}.length > 0) {
      w.uint32(${tagOf(field, LENGTH_DELIMITED)}).fork()
      for (const e of ${value}) w.${writeScalarText(field, 'e')}
      w.ldelim()
    }`
  })
  return `function ${writerOf(type)}(m, w) {\n${fields.join('\n')}\nreturn w\n}`
}

function tagOf(field, wireType) {
  return (field.id << 3) | wireType
}

function writeText(field, value) {
  const tag = `w.uint32(${tagOf(field, wireTypeOf(field))})`
  if (field.resolvedType instanceof protobuf.Type) {
    return `${writerOf(field.resolvedType)}(${value}, ${tag}.fork()).ldelim()`
  }
  return `${tag}.${writeScalarText(field, value)}`
}

function writeScalarText({ type, resolvedType }, value) {
  if (resolvedType === null) return `${type}(${value})`
  return `int32(${identifier('values', resolvedType)}[${value}] ?? ${value})`
}

function readerText(type) {
  const fields = type.fieldsArray
  const known = fields.map((field) => `let ${localOf(field)} = ${absentText(field)}`)
  const cases = fields.map((field) => `case ${field.id}: ${readText(field)} break`)
  const plain = fields.filter(({ partOf }) => partOf === null)
  // Of a oneof, only the member that is there; and its name.
  const unions = type.oneofsArray.flatMap(({ name, fieldsArray }) =>
    fieldsArray.map(
      (field) =>
        `if (${localOf(field)} !== undefined) { m.${field.name} = ${localOf(field)}; m.${name} = "${field.name}" }`,
    ),
  )
  return `function ${readerOf(type)}(r, end) {
    ${known.join('\n')}
    if (end > r.len) throw new RangeError('a message ends in the middle of a field')
    while (r.pos < end) {
      const tag = r.uint32()
      switch (tag >>> 3) {
        ${cases.join('\n')}
        default: r.skipType(tag & 7)
      }
    }
    if (r.pos > end) throw new RangeError('a field ends beyond its message')
    const m = { ${plain.map((field) => `${field.name}: ${localOf(field)}`).join(', ')} }
    ${unions.join('\n')}
    return m
  }`
}

/** The variable in which a field's value is kept while the rest is read. */
function localOf(field) {
  return `f_${field.name}`
}

function absentText(field) {
  if (field.repeated) return '[]'
  if (field.partOf !== null) return 'undefined'
  if (field.resolvedType instanceof protobuf.Type) return 'null'
  if (field.resolvedType instanceof protobuf.Enum) return `${namesOf(field.resolvedType)}[0]`
  return SCALARS[field.type].absent
}

function readText(field) {
  const local = localOf(field)
  if (!field.repeated) return `${local} = ${readOneText(field)};`
  const read = `${local}.push(${readOneText(field)});`
  if (wireTypeOf(field) === LENGTH_DELIMITED) return read
  // Numbers of a kind come packed or one by one, whatever the definition says.
  return `if ((tag & 7) === ${LENGTH_DELIMITED}) { for (const e = r.uint32() + r.pos; r.pos < e; ) ${read} } else ${read}`
}

function readOneText({ type, resolvedType }) {
  if (resolvedType instanceof protobuf.Type) return `${readerOf(resolvedType)}(r, r.uint32() + r.pos)`
  if (resolvedType instanceof protobuf.Enum) return `enumName(${namesOf(resolvedType)}, r.int32())`
  return SCALARS[type].read
}
