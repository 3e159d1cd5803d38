import { OverlayError } from '@selvedge/core'

/** flannel's. */
export const DEFAULT_ANNOTATION_PREFIX = 'flannel.alpha.coreos.com'

/** What a node publishes of itself, without the prefix. */
export const PUBLISHED = [
  'kube-subnet-manager',
  'backend-type',
  'backend-data',
  'backend-v6-data',
  'public-ip',
  'public-ipv6',
] as const

/** What people set on a node, without the prefix: never written or removed here. */
export const SET_BY_PEOPLE = [
  'public-ip-overwrite',
  'public-ipv6-overwrite',
  'node-public-ip',
  'node-public-ipv6',
] as const

export type PublishedName = (typeof PUBLISHED)[number]
export type AnnotationName = PublishedName | (typeof SET_BY_PEOPLE)[number]

/** A node's annotations under the prefix, by their names without it. */
export type Annotations = { readonly [K in AnnotationName]?: string | undefined }

const NAMES: ReadonlySet<string> = new Set([...PUBLISHED, ...SET_BY_PEOPLE])

export const isAnnotationName = (name: string): name is AnnotationName => NAMES.has(name)

/** A DNS name, a slash and, where it does not end there, a word that ends in a hyphen: flannel's own rule. */
const FULL_PREFIX = /^(?:[a-z0-9_-]+\.)+[a-z0-9_-]+\/(?:[a-z0-9_-]+-)?$/

/**
 * What the annotations' names begin with: `example.com` gives `example.com/`, and `example.com/blue` gives
 * `example.com/blue-`. Throws an OverlayError `INVALID_CONFIG` for what cannot begin an annotation's name.
 */
export function fullPrefix(prefix: string): string {
  const slashed = prefix.includes('/') ? prefix : `${prefix}/`
  const full = slashed.endsWith('/') || slashed.endsWith('-') ? slashed : `${slashed}-`
  if (FULL_PREFIX.test(full)) return full
  throw new OverlayError(
    'INVALID_CONFIG',
    `the annotation prefix is '${prefix}', but must be a domain such as ${DEFAULT_ANNOTATION_PREFIX}, of lower-case ` +
      'letters, digits, hyphens and underscores, which at most one slash and one more such word may follow',
  )
}
