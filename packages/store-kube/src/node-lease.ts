import {
  type JsonValue,
  type Lease,
  type LeaseAttributes,
  type LeaseSubnets,
  OverlayError,
  type PublicAddresses,
} from '@selvedge/core'
import {
  canonicalCidr,
  type FamilyParts,
  formatAddress,
  IPV4_PARTS,
  IPV6_PARTS,
  parseAddress,
  parseCidr,
  parseJson,
  printable,
  RECORD_LIMITS,
} from '@selvedge/core/kit'
import { type AnnotationName, type Annotations, PUBLISHED, type PublishedName } from './annotations.js'
import type { NodeRecord } from './client/index.js'

/** The annotations that carry one family's part of a lease. */
const FAMILY_ANNOTATIONS = {
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

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** flannel writes the JSON text `null` for a backend without data. */
const NO_DATA = 'null'

/** True if the node takes part in the network. Otherwise it has no lease, whatever its other annotations say. */
export const isManaged = ({ annotations }: NodeRecord): boolean =>
  annotations['kube-subnet-manager'] === 'true'

/**
 * The lease that a node is, in the families of the network. Undefined for a node that does not take part in it. Throws
 * an OverlayError `INVALID_LEASE`, which names the node and the annotation, if it is invalid.
 */
export function leaseOfNode(node: NodeRecord, families: readonly FamilyParts[]): Lease | undefined {
  if (!isManaged(node)) return undefined
  const subnets: Writable<LeaseSubnets> = {}
  const attributes: Writable<LeaseAttributes> = {
    backendType: node.annotations['backend-type'] || undefined,
  }
  for (const parts of families) {
    const subnet = podCidrOf(node, parts)
    // A node that joined before the cluster became dual-stack keeps its only PodCIDR, and is a peer in that family.
    if (subnet === undefined) continue
    const names = FAMILY_ANNOTATIONS[parts.family]
    subnets[parts.subnet] = subnet
    attributes[parts.publicAddress] = readPublicAddress(node, names.publicAddress, parts)
    attributes[parts.backendData] = readBackendData(node, names.backendData)
  }
  if (subnets.subnet === undefined && subnets.ipv6Subnet === undefined) {
    const has =
      node.podCidrs.length === 0 ? 'no PodCIDR' : `only the PodCIDR ${printable(node.podCidrs.join(', '))}`
    throw invalid(node, `it takes part in the network, but has ${has}`)
  }
  if (attributes.publicIp === undefined && attributes.publicIpv6 === undefined) {
    throw invalid(node, 'it takes part in the network, but has no annotation public-ip or public-ipv6')
  }
  return { subnet: subnets.subnet, ipv6Subnet: subnets.ipv6Subnet, attributes }
}

/** The node's PodCIDR of one family, in canonical form; undefined if it has none. */
export function podCidrOf({ podCidrs }: NodeRecord, { family }: FamilyParts): string | undefined {
  const found = podCidrs.find((text) => parseCidr(text)?.family === family)
  return found === undefined ? undefined : canonicalCidr(found)
}

/** The addresses that operators declare for a node, by the annotations `node-public-ip` and `node-public-ipv6`. */
export function nodeAddresses(node: NodeRecord): PublicAddresses {
  const addresses: Writable<PublicAddresses> = {}
  for (const { family, publicAddress } of [IPV4_PARTS, IPV6_PARTS]) {
    const address = parseAddress(node.annotations[FAMILY_ANNOTATIONS[family].nodeAddress]?.trim() ?? '')
    if (address?.family === family) addresses[publicAddress] = formatAddress(address)
  }
  return addresses
}

/**
 * The address that an operator has set for a node, which takes precedence over the one that the node finds: the
 * overwrite, or else the node address. A text that is not an address of the family is ignored, and reported to
 * `onInvalid`.
 */
export function addressSetByOperator(
  node: NodeRecord,
  { family, name }: FamilyParts,
  onInvalid: (error: OverlayError) => void = () => {},
): string | undefined {
  const { overwrite, nodeAddress } = FAMILY_ANNOTATIONS[family]
  for (const annotation of [overwrite, nodeAddress]) {
    const text = node.annotations[annotation]?.trim()
    if (text === undefined || text === '') continue
    const address = parseAddress(text)
    if (address?.family === family) return formatAddress(address)
    onInvalid(
      invalid(
        node,
        `annotation ${annotation} is '${printable(text)}', which is not an ${name} address: ignored`,
      ),
    )
  }
  return undefined
}

/** The node as if it published these addresses. */
export function withAddresses(node: NodeRecord, { publicIp, publicIpv6 }: LeaseAttributes): NodeRecord {
  const { annotations } = node
  return {
    ...node,
    annotations: {
      ...annotations,
      'public-ip': publicIp ?? annotations['public-ip'],
      'public-ipv6': publicIpv6 ?? annotations['public-ipv6'],
    },
  }
}

/**
 * The annotations that a node with these attributes should have, null for those that it must not have. Addresses that
 * an operator has set take precedence over those of the attributes.
 */
export function annotationsFor(
  attributes: LeaseAttributes,
  node: NodeRecord,
  families: readonly FamilyParts[],
): Readonly<Record<PublishedName, string | null>> {
  const desired: Record<PublishedName, string | null> = {
    'kube-subnet-manager': 'true',
    'backend-type': attributes.backendType ?? '',
    'backend-data': null,
    'backend-v6-data': null,
    'public-ip': null,
    'public-ipv6': null,
  }
  for (const parts of families) {
    const names = FAMILY_ANNOTATIONS[parts.family]
    desired[names.backendData] = JSON.stringify(attributes[parts.backendData] ?? null)
    desired[names.publicAddress] =
      addressSetByOperator(node, parts) ?? attributes[parts.publicAddress] ?? null
  }
  return desired
}

/** The published annotations of a node that has left the network. */
export const NO_ANNOTATIONS: Readonly<Record<PublishedName, null>> = Object.freeze({
  'kube-subnet-manager': null,
  'backend-type': null,
  'backend-data': null,
  'backend-v6-data': null,
  'public-ip': null,
  'public-ipv6': null,
})

/** The part of `desired` that differs from what the node has. JSON that differs in its spaces only is equal. */
export function annotationChanges(
  { annotations }: NodeRecord,
  desired: Readonly<Record<PublishedName, string | null>>,
): Partial<Record<PublishedName, string | null>> {
  const changes: Partial<Record<PublishedName, string | null>> = {}
  for (const name of PUBLISHED) {
    if (!sameValue(name, annotations, desired[name])) changes[name] = desired[name]
  }
  return changes
}

function sameValue(name: AnnotationName, annotations: Annotations, desired: string | null): boolean {
  const actual = annotations[name] ?? null
  if (actual === desired || actual === null || desired === null) return actual === desired
  return name.startsWith('backend-') && name.endsWith('data') && compactJson(actual) === desired
}

function compactJson(text: string): string | undefined {
  try {
    return JSON.stringify(parseJson(text, RECORD_LIMITS))
  } catch {
    return undefined
  }
}

function readPublicAddress(
  node: NodeRecord,
  annotation: AnnotationName,
  parts: FamilyParts,
): string | undefined {
  const text = node.annotations[annotation]
  if (text === undefined || text === '') return undefined
  const address = parseAddress(text)
  if (address?.family === parts.family) return formatAddress(address)
  throw invalid(
    node,
    `its annotation ${annotation} is '${printable(text)}', which is not an ${parts.name} address`,
  )
}

function readBackendData(node: NodeRecord, annotation: AnnotationName): JsonValue | undefined {
  const text = node.annotations[annotation]
  if (text === undefined || text === '' || text === NO_DATA) return undefined
  try {
    return parseJson(text, RECORD_LIMITS)
  } catch (error) {
    throw invalid(node, `its annotation ${annotation} cannot be read: ${(error as SyntaxError).message}`)
  }
}

const invalid = (node: NodeRecord, what: string): OverlayError =>
  new OverlayError('INVALID_LEASE', `node ${node.name}: ${what}`)
