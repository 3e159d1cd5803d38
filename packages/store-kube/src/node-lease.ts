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
} from '@selvedge/core/kit'
import { type AnnotationName, type Annotations, PUBLISHED, type PublishedName } from './annotations.js'
import type { NodeRecord } from './client/node-record.js'

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

/** flannel writes the JSON text `null` for a backend that has nothing to tell. */
const NO_DATA = 'null'

/** True where the node takes part in the network. Without it, whatever else its annotations say, it has no lease. */
export const isManaged = ({ annotations }: NodeRecord): boolean =>
  annotations['kube-subnet-manager'] === 'true'

/**
 * The lease that a node is, in the families of the network. Undefined for a node that takes no part in it. Throws an
 * OverlayError `INVALID_LEASE` that names the node and the annotation where it is none that a peer could use.
 */
export function leaseOfNode(node: NodeRecord, families: readonly FamilyParts[]): Lease | undefined {
  if (!isManaged(node)) return undefined
  const subnets: Writable<LeaseSubnets> = {}
  const attributes: Writable<LeaseAttributes> = {
    backendType: node.annotations['backend-type'] || undefined,
  }
  for (const parts of families) {
    const subnet = podCidrOf(node, parts)
    // A node that joined before the cluster became dual-stack keeps its one PodCIDR, and is a peer in that family.
    if (subnet === undefined) continue
    const names = FAMILY_ANNOTATIONS[parts.family]
    subnets[parts.subnet] = subnet
    attributes[parts.publicAddress] = readPublicAddress(node, names.publicAddress, parts)
    attributes[parts.backendData] = readBackendData(node, names.backendData)
  }
  if (subnets.subnet === undefined && subnets.ipv6Subnet === undefined) {
    const has = node.podCidrs.length === 0 ? 'no PodCIDR' : `the PodCIDR ${node.podCidrs.join(', ')} alone`
    throw invalid(node, `it takes part in the network, but has ${has}`)
  }
  if (attributes.publicIp === undefined && attributes.publicIpv6 === undefined) {
    throw invalid(
      node,
      'it takes part in the network, but no annotation public-ip or public-ipv6 says where it is',
    )
  }
  return { subnet: subnets.subnet, ipv6Subnet: subnets.ipv6Subnet, attributes }
}

/** The node's PodCIDR of one family, in canonical form; undefined where it has none. */
export function podCidrOf({ podCidrs }: NodeRecord, { family }: FamilyParts): string | undefined {
  const found = podCidrs.find((text) => parseCidr(text)?.family === family)
  return found === undefined ? undefined : canonicalCidr(found)
}

/** The addresses that people say a node has, by the annotation `node-public-ip` and its twin. */
export function nodeAddresses(node: NodeRecord): PublicAddresses {
  const addresses: Writable<PublicAddresses> = {}
  for (const { family, publicAddress } of [IPV4_PARTS, IPV6_PARTS]) {
    const address = parseAddress(node.annotations[FAMILY_ANNOTATIONS[family].nodeAddress]?.trim() ?? '')
    if (address?.family === family) addresses[publicAddress] = formatAddress(address)
  }
  return addresses
}

/**
 * The address that people set for a node, and that counts instead of what the node itself finds: the overwrite before
 * the node's address. What is no address of the family is passed over, and told to `onInvalid`.
 */
export function addressSetByPeople(
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
      invalid(node, `annotation ${annotation} is '${text}', which is no ${name} address: passed over`),
    )
  }
  return undefined
}

/** The node as it would be if it published these addresses, whatever it does publish. */
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
 * The annotations that a node with these attributes bears, null for those that it must not bear. Those that people set
 * count before the attributes' public addresses.
 */
export function annotationsFor(
  attributes: LeaseAttributes,
  node: NodeRecord,
  families: readonly FamilyParts[],
): Readonly<Record<PublishedName, string | null>> {
  const wanted: Record<PublishedName, string | null> = {
    'kube-subnet-manager': 'true',
    'backend-type': attributes.backendType ?? '',
    'backend-data': null,
    'backend-v6-data': null,
    'public-ip': null,
    'public-ipv6': null,
  }
  for (const parts of families) {
    const names = FAMILY_ANNOTATIONS[parts.family]
    wanted[names.backendData] = JSON.stringify(attributes[parts.backendData] ?? null)
    wanted[names.publicAddress] = addressSetByPeople(node, parts) ?? attributes[parts.publicAddress] ?? null
  }
  return wanted
}

/** The annotations of a node that has left the network: none of its own, all of those that people set. */
export const NO_ANNOTATIONS: Readonly<Record<PublishedName, null>> = Object.freeze({
  'kube-subnet-manager': null,
  'backend-type': null,
  'backend-data': null,
  'backend-v6-data': null,
  'public-ip': null,
  'public-ipv6': null,
})

/** What of `wanted` a node does not bear yet: nothing where it says the same already, however its JSON is spaced. */
export function annotationChanges(
  { annotations }: NodeRecord,
  wanted: Readonly<Record<PublishedName, string | null>>,
): Partial<Record<PublishedName, string | null>> {
  const changes: Partial<Record<PublishedName, string | null>> = {}
  for (const name of PUBLISHED) {
    if (!sameValue(name, annotations, wanted[name])) changes[name] = wanted[name]
  }
  return changes
}

function sameValue(name: AnnotationName, annotations: Annotations, wanted: string | null): boolean {
  const held = annotations[name] ?? null
  if (held === wanted || held === null || wanted === null) return held === wanted
  return name.startsWith('backend-') && name.endsWith('data') && compactJson(held) === wanted
}

function compactJson(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text))
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
  throw invalid(node, `its annotation ${annotation} is '${text}', which is no ${parts.name} address`)
}

function readBackendData(node: NodeRecord, annotation: AnnotationName): JsonValue | undefined {
  const text = node.annotations[annotation]
  if (text === undefined || text === '' || text === NO_DATA) return undefined
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    throw invalid(node, `its annotation ${annotation} is no JSON`)
  }
}

const invalid = (node: NodeRecord, what: string): OverlayError =>
  new OverlayError('INVALID_LEASE', `node ${node.name}: ${what}`)
