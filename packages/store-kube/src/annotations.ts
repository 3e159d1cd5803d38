import { OverlayError } from '@selvedge/core'

/** flannel's prefix. */
export const DEFAULT_ANNOTATION_PREFIX = 'flannel.alpha.coreos.com'

/** What a node publishes about itself, without the prefix. */
export const PUBLISHED = [
  'kube-subnet-manager',
  'backend-type',
  'backend-data',
  'backend-v6-data',
  'public-ip',
  'public-ipv6',
] as const

/** What operators set on a node, without the prefix: never written or removed by this package. */
export const SET_BY_OPERATOR = [
  'public-ip-overwrite',
  'public-ipv6-overwrite',
  'node-public-ip',
  'node-public-ipv6',
] as const

export type PublishedName = (typeof PUBLISHED)[number]
export type AnnotationName = PublishedName | (typeof SET_BY_OPERATOR)[number]

/** The annotations of one family. */
export const FAMILY_ANNOTATIONS = {
  4: {
    publicAddress: 'public-ip',
    backendData: 'backend-data',
    overwrite: 'public-ip-overwrite',
    nodeAddress: 'node-public-ip',
  },
  6: {
    publicAddress: 'public-ipv6',
    backendData: 'backend-v6-data',
    overwrite: 'public-ipv6-overwrite',
    nodeAddress: 'node-public-ipv6',
  },
} as const

/** A node's annotations under the prefix, by their names without it. */
export type Annotations = { readonly [K in AnnotationName]?: string | undefined }

const NAMES: ReadonlySet<string> = new Set([...PUBLISHED, ...SET_BY_OPERATOR])

export const isAnnotationName = (name: string): name is AnnotationName => NAMES.has(name)

/** flannel's rule: a DNS name, a slash and, optionally, a word that ends in a hyphen. */
const FULL_PREFIX = /^(?:[a-z0-9_-]+\.)+[a-z0-9_-]+\/(?:[a-z0-9_-]+-)?$/

/**
 * The prefix as annotation names begin with it: `example.com` becomes `example.com/`, and `example.com/blue` becomes
 * `example.com/blue-`. Throws an OverlayError `INVALID_CONFIG` if no annotation name may begin so.
 */
export function fullPrefix(prefix: string): string {
  const slashed = prefix.includes('/') ? prefix : `${prefix}/`
  const full = slashed.endsWith('/') || slashed.endsWith('-') ? slashed : `${slashed}-`
  if (FULL_PREFIX.test(full)) return full
  throw new OverlayError(
    'INVALID_CONFIG',
    `the annotation prefix '${prefix}' is invalid: it must be a domain such as ${DEFAULT_ANNOTATION_PREFIX}, made of ` +
      'lower-case letters, digits, hyphens and underscores, optionally followed by a slash and one more such word',
  )
}
