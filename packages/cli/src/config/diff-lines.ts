import { type NetworkConfig, networkConfigJson } from '@selvedge/core'

/** One key of a network config that has another value. */
export interface Difference {
  /** `Network`, `Backend.VNI`. */
  readonly key: string
  /** As JSON; absent if the key is. */
  readonly before?: string
  readonly after?: string
}

/** What differs, key by key, every default filled in. `redact` is applied to both configs first. */
export function differences(
  before: NetworkConfig | undefined,
  after: NetworkConfig,
  redact: (value: unknown) => unknown,
): readonly Difference[] {
  const plain = [
    before === undefined ? new Map<string, string>() : flat(networkConfigJson(before)),
    flat(networkConfigJson(after)),
  ]
  const shown = [
    before === undefined ? new Map<string, string>() : flat(redact(networkConfigJson(before))),
    flat(redact(networkConfigJson(after))),
  ]
  const [was, is] = plain as [Map<string, string>, Map<string, string>]
  const [wasShown, isShown] = shown as [Map<string, string>, Map<string, string>]
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((key) => was.get(key) !== is.get(key))
    .map((key) => ({
      key,
      ...(was.has(key) && { before: wasShown.get(key) ?? '' }),
      ...(is.has(key) && { after: isShown.get(key) ?? '' }),
    }))
}

/** One level of objects: what a Backend section holds is compared setting by setting. */
function flat(config: unknown): Map<string, string> {
  const entries = Object.entries(Object(config)).flatMap(([key, value]): [string, string][] => {
    if (key !== 'Backend') return [[key, JSON.stringify(value)]]
    return Object.entries(Object(value)).map(([name, each]) => [`Backend.${name}`, JSON.stringify(each)])
  })
  return new Map(entries)
}
