import type { LeaseAttributes } from '@selvedge/core'
import { type FamilyParts, parseJson, RECORD_LIMITS } from '@selvedge/core/kit'
import { type AnnotationName, FAMILY_ANNOTATIONS, PUBLISHED, type PublishedName } from './annotations.js'
import type { NodeRecord } from './client/index.js'
import { addressSetByOperator } from './operator-addresses.js'

/** What a node should publish; null for an annotation that it must not have. */
export type DesiredAnnotations = Readonly<Record<PublishedName, string | null>>

/** What a node with these attributes should publish. An operator's addresses take precedence over those attributes. */
export function annotationsFor(
  attributes: LeaseAttributes,
  node: NodeRecord,
  families: readonly FamilyParts[],
): DesiredAnnotations {
  const desired: Record<PublishedName, string | null> = {
    ...NO_ANNOTATIONS,
    'kube-subnet-manager': 'true',
    'backend-type': attributes.backendType ?? '',
  }
  for (const parts of families) {
    const names = FAMILY_ANNOTATIONS[parts.family]
    desired[names.backendData] = JSON.stringify(attributes[parts.backendData] ?? null)
    desired[names.publicAddress] =
      addressSetByOperator(node, parts) ?? attributes[parts.publicAddress] ?? null
  }
  return desired
}

/** What a node should publish that has left the network. */
export const NO_ANNOTATIONS: DesiredAnnotations = Object.freeze({
  'kube-subnet-manager': null,
  'backend-type': null,
  'backend-data': null,
  'backend-v6-data': null,
  'public-ip': null,
  'public-ipv6': null,
})

/** The part of `desired` that differs from what the node has. JSON that differs in its spaces only is equal. */
export function annotationChanges(
  { annotations, oversized = [] }: NodeRecord,
  desired: DesiredAnnotations,
): Partial<Record<PublishedName, string | null>> {
  const changes: Partial<Record<PublishedName, string | null>> = {}
  for (const name of PUBLISHED) {
    const isEqual =
      !oversized.includes(name) && sameAnnotation(name, annotations[name], desired[name] ?? undefined)
    if (!isEqual) changes[name] = desired[name]
  }
  return changes
}

/** Whether an annotation is what it should be; undefined stands for none. JSON that differs in its spaces only is equal. */
export function sameAnnotation(
  name: AnnotationName,
  actual: string | undefined,
  desired: string | undefined,
): boolean {
  if (actual === desired || actual === undefined || desired === undefined) return actual === desired
  return name.startsWith('backend-') && name.endsWith('data') && compactJson(actual) === desired
}

function compactJson(text: string): string | undefined {
  try {
    return JSON.stringify(parseJson(text, RECORD_LIMITS))
  } catch {
    return undefined
  }
}
