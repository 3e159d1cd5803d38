import {
  type JsonValue,
  type Lease,
  type LeaseAttributes,
  type LeaseSubnets,
  OverlayError,
} from '@selvedge/core'
import {
  canonicalCidr,
  type FamilyParts,
  formatAddress,
  parseAddress,
  parseCidr,
  parseJson,
  printable,
  RECORD_LIMITS,
} from '@selvedge/core/kit'
import { type AnnotationName, FAMILY_ANNOTATIONS } from './annotations.js'
import type { NodeRecord } from './client/index.js'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** flannel writes the JSON text `null` for a backend without data. */
const NO_DATA = 'null'

/** True if the node takes part in the network. Otherwise it has no lease, whatever its other annotations say. */
export const isManaged = ({ annotations }: NodeRecord): boolean =>
  annotations['kube-subnet-manager'] === 'true'

/**
 * The lease that a node is, in the families of the network. Undefined for a node that does not take part in it. What is
 * wrong with one of two families is in the attributes' `invalidAddresses`, and the other family counts. Throws an
 * OverlayError `INVALID_LEASE`, which names the node and the annotation, if none does.
 */
export function leaseOfNode(node: NodeRecord, families: readonly FamilyParts[]): Lease | undefined {
  if (!isManaged(node)) return undefined
  const subnets: Writable<LeaseSubnets> = {}
  const attributes: Writable<LeaseAttributes> = {
    backendType: node.annotations['backend-type'] || undefined,
  }
  const problems: { publicIp?: string; publicIpv6?: string } = {}
  for (const parts of families) {
    const subnet = podCidrOf(node, parts)
    // A node that joined before the cluster became dual-stack keeps its only PodCIDR, and is a peer in that family.
    if (subnet === undefined) continue
    subnets[parts.subnet] = subnet
    const names = FAMILY_ANNOTATIONS[parts.family]
    try {
      const data = readBackendData(node, names.backendData)
      attributes[parts.publicAddress] = readPublicAddress(node, names.publicAddress, parts)
      attributes[parts.backendData] = data
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      problems[parts.publicAddress] = error.message
    }
  }
  if (subnets.subnet === undefined && subnets.ipv6Subnet === undefined) {
    const podCidrs = printable(node.podCidrs.join(', '))
    const has = podCidrs === '' ? 'no PodCIDR' : `only the PodCIDR ${podCidrs}`
    throw invalid(node, `it takes part in the network, but has ${has}`)
  }
  const problem = problems.publicIp ?? problems.publicIpv6
  if (attributes.publicIp === undefined && attributes.publicIpv6 === undefined) {
    throw invalid(
      node,
      problem ?? 'it takes part in the network, but has no annotation public-ip or public-ipv6',
    )
  }
  if (problem !== undefined) {
    attributes.invalidAddresses = { publicIp: problems.publicIp, publicIpv6: problems.publicIpv6 }
  }
  return { subnet: subnets.subnet, ipv6Subnet: subnets.ipv6Subnet, attributes, created: node.created }
}

/** The node's PodCIDR of one family, in canonical form; undefined if it has none. */
export function podCidrOf({ podCidrs }: NodeRecord, { family }: FamilyParts): string | undefined {
  const found = podCidrs.find((text) => parseCidr(text)?.family === family)
  return found === undefined ? undefined : canonicalCidr(found)
}

/** The node as if it published these addresses. */
export function withAddresses(node: NodeRecord, { publicIp, publicIpv6 }: LeaseAttributes): NodeRecord {
  const addresses = {
    ...(publicIp !== undefined && { 'public-ip': publicIp }),
    ...(publicIpv6 !== undefined && { 'public-ipv6': publicIpv6 }),
  }
  return {
    ...node,
    annotations: { ...node.annotations, ...addresses },
    oversized: node.oversized?.filter((name) => !(name in addresses)),
  }
}

function readPublicAddress(
  node: NodeRecord,
  annotation: AnnotationName,
  parts: FamilyParts,
): string | undefined {
  const text = textOf(node, annotation)
  if (text === undefined) return undefined
  const address = parseAddress(text)
  if (address?.family === parts.family) return formatAddress(address)
  throw new SyntaxError(
    `its annotation ${annotation} is '${printable(text)}', which is not an ${parts.name} address`,
  )
}

function readBackendData(node: NodeRecord, annotation: AnnotationName): JsonValue | undefined {
  const text = textOf(node, annotation)
  if (text === undefined || text === NO_DATA) return undefined
  try {
    return parseJson(text, RECORD_LIMITS)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SyntaxError(`its annotation ${annotation} cannot be read: ${why}`)
  }
}

/** The text of an annotation; undefined if there is none. Throws a SyntaxError if it is too long. */
function textOf({ annotations, oversized }: NodeRecord, annotation: AnnotationName): string | undefined {
  if (oversized?.includes(annotation)) {
    throw new SyntaxError(`its annotation ${annotation} is longer than ${RECORD_LIMITS.maxLength} bytes`)
  }
  return annotations[annotation] || undefined
}

const invalid = (node: NodeRecord, what: string): OverlayError =>
  new OverlayError('INVALID_LEASE', `node ${printable(node.name)}: ${what}`)
