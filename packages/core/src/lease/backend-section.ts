import { checkNames, kindOf } from '../util/check-options.js'
import { type FieldTable, type FieldValues, readFields, unknownKeyWarnings } from '../util/json-fields.js'
import type { NetworkConfig } from './network-config.js'

/** A backend's keys in the network config's Backend section, and the options of its factory that override them. */
export interface BackendSection<T extends FieldTable> {
  /** For messages: `the vxlan settings`. */
  readonly where: string
  /** The section's values. Throws an OverlayError of code `INVALID_CONFIG` that names the key, its value and the rule. */
  read(config: NetworkConfig): FieldValues<T>
  /** A sentence for each key that the backend does not have. Throws as `read` does. */
  warnings(config: NetworkConfig): readonly string[]
  /**
   * Checks the options of the backend's factory: `directRouting` overrides the key `DirectRouting`. Throws an OverlayError
   * of code `INVALID_CONFIG` for a value that breaks a rule, a TypeError for an option that does not exist.
   *
   * @param others names of the options that are no keys, for the message
   */
  options(given: object, others?: readonly string[]): FieldValues<T>
}

/**
 * One reader for the keys of a backend's section and for the options of its factory.
 *
 * @param type as in `Backend.Type`; the backend's factory has the same name
 * @param fields its keys, as the network config spells them
 */
export function backendSection<T extends FieldTable>(type: string, fields: T): BackendSection<T> {
  const where = `the ${type} settings`
  const section = ({ backend }: NetworkConfig) => readFields(fields, backend?.options ?? {}, where)
  return {
    where,
    read: (config) => section(config).values,
    warnings: (config) => unknownKeyWarnings(section(config).unknownKeys, fields, where),
    options(given, others = []) {
      const where = `${type}()`
      if (typeof given !== 'object' || given === null || Array.isArray(given)) {
        throw new TypeError(`${where} is called with an object of options, but it got ${kindOf(given)}`)
      }
      // The config's keys match in any case; options are a program's, and have one spelling.
      checkNames(where, given, [...Object.keys(fields).map(optionName), ...others])
      return readFields(fields, { ...given }, `the options of ${where}`).values
    },
  }
}

/** `vni` for `VNI`, `directRouting` for `DirectRouting`. */
const optionName = (key: string): string =>
  key.replace(/^(?:[A-Z]+$|[A-Z])/, (capitals) => capitals.toLowerCase())
