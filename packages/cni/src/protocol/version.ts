import { CNI_CODE, CniError } from './error.js'

/** All there are, the oldest first: flannel's plugin knows them all, and results pass through as the delegate wrote them. */
export const CNI_VERSIONS: readonly string[] = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']

/** What a config that names none is written in (containernetworking/cni, version.ConfigDecoder). */
export const DEFAULT_CNI_VERSION = '0.1.0'

/** The answer to VERSION. */
export const supportedVersions = (): object => ({
  cniVersion: CNI_VERSIONS.at(-1),
  supportedVersions: CNI_VERSIONS,
})

/** Throws unless the config's version is known, and has this verb. */
export function requireVersion(version: string, verb: string): void {
  const index = CNI_VERSIONS.indexOf(version)
  if (index < 0) {
    throw new CniError(
      CNI_CODE.incompatibleVersion,
      `the network config is written in CNI version ${version}: this plugin knows ${CNI_VERSIONS.join(', ')}`,
    )
  }
  const first = FIRST_VERSION.get(verb)
  if (first !== undefined && index < CNI_VERSIONS.indexOf(first)) {
    throw new CniError(
      CNI_CODE.incompatibleVersion,
      `the network config is written in CNI version ${version}, which has no ${verb}: it came with ${first}`,
    )
  }
}

const FIRST_VERSION = new Map([
  ['CHECK', '0.4.0'],
  ['STATUS', '1.1.0'],
  ['GC', '1.1.0'],
])
