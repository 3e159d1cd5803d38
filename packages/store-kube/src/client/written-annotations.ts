import { isJsonObject } from '@selvedge/core/kit'

/** An annotation, and who wrote it last, as far as the API server keeps that. */
export interface WrittenAnnotation {
  readonly value: string
  /** The name that the program goes by, such as `kubectl-annotate`. */
  readonly writer?: string | undefined
  /** When that program last wrote to the Node, in ms since the epoch. */
  readonly writtenAt?: number | undefined
}

/** Those of an object that begin with `prefix`, by their full names, with what its `managedFields` say of each. */
export function writtenAnnotations(object: unknown, prefix: string): ReadonlyMap<string, WrittenAnnotation> {
  const metadata = isJsonObject(object) && isJsonObject(object.metadata) ? object.metadata : {}
  const written = new Map<string, WrittenAnnotation>()
  const annotations = isJsonObject(metadata.annotations) ? metadata.annotations : {}
  for (const [name, value] of Object.entries(annotations)) {
    if (name.startsWith(prefix) && typeof value === 'string') written.set(name, { value })
  }
  const managers = Array.isArray(metadata.managedFields) ? metadata.managedFields.filter(isJsonObject) : []
  for (const { manager, time, fieldsV1 } of managers) {
    if (typeof manager !== 'string') continue
    const at = typeof time === 'string' ? Date.parse(time) : Number.NaN
    for (const field of Object.keys(annotationFields(fieldsV1))) {
      const name = field.replace(/^f:/, '')
      const known = written.get(name)
      // A field that several programs share was written by the one that wrote last.
      if (known === undefined || (known.writtenAt ?? 0) > at) continue
      written.set(name, {
        ...known,
        writer: manager,
        writtenAt: Number.isNaN(at) ? undefined : at,
      })
    }
  }
  return written
}

function annotationFields(fields: unknown): Readonly<Record<string, unknown>> {
  const metadata = isJsonObject(fields) ? fields['f:metadata'] : undefined
  const annotations = isJsonObject(metadata) ? metadata['f:annotations'] : undefined
  return isJsonObject(annotations) ? annotations : {}
}
