import { type ChosenInterface, type ExternalInterface, OverlayError } from '@selvedge/core'
import { canonicalAddress, familyOf, parseAddress, printable } from '@selvedge/core/kit'
import { TIMED_OUT, withTimeLimit } from './time-limit.js'

/**
 * How to find the external interface:
 * - a name, or an address of the interface (flannel's `--iface`);
 * - a pattern, tried on addresses first and then on names, as flannel does (`--iface-regex`);
 * - `{ canReach }`: the interface that packets to this address leave by (`--iface-can-reach`).
 */
export type InterfaceChoice =
  | string
  | RegExp
  | {
      /** An IP address. */
      readonly canReach: string
    }

/** An interface, with the facts that a choice depends on. */
export interface Candidate {
  readonly name: string
  readonly index: number
  readonly macAddress: string | undefined
  /** In bytes. */
  readonly mtu: number
  readonly isUp: boolean
  readonly isLoopback: boolean
  /** Those usable as a source, best first. */
  readonly addresses: readonly string[]
  /** All that it bears, usable or not, but for those that another host turned out to have. */
  readonly borne: readonly string[]
  /** CIDRs reached without a gateway. */
  readonly onLink: readonly string[]
}

/** The route that the kernel has for an address. */
export interface RouteTo {
  readonly index: number
  /** The source address that the kernel would choose. */
  readonly source?: string | undefined
}

/** The facts from the kernel that a choice depends on. */
export interface Surroundings {
  readonly candidates: readonly Candidate[]
  /** The interface of the default route: IPv4's, else IPv6's. */
  readonly defaultIndex: number | undefined
  /** The routes to the addresses of `canReach` choices, by address; none for one that has no route. */
  readonly routes: ReadonlyMap<string, RouteTo>
}

/** What an interface is to be kept for, if it still holds. */
export interface Former {
  /** What is in force. */
  readonly current?: ExternalInterface | undefined
  /** What an earlier run chose. */
  readonly previous?: ChosenInterface | undefined
}

const BY_DEFAULT_ROUTE = 'the default route leaves by it'
const byName = (name: string): string => `its name is ${name}`
const byAddress = (address: string): string => `it has the address ${address}`
const byRouteTo = (address: string): string => `the route to ${address} leaves by it`

/**
 * The one in force, or that of an earlier run, if it still holds; else the interface of the first choice that fits;
 * without choices, the default route's. Throws `INTERFACE_NOT_FOUND`, which lists what was looked for and what exists.
 */
export function selectInterface(
  choices: readonly InterfaceChoice[],
  surroundings: Surroundings,
  { current, previous }: Former = {},
): ExternalInterface {
  const kept = current && keep(current, choices, surroundings.candidates)
  if (kept !== undefined) return kept
  const again = previous && chooseAgain(previous, choices, surroundings)
  return again ?? choose(choices, surroundings)
}

function choose(choices: readonly InterfaceChoice[], surroundings: Surroundings): ExternalInterface {
  for (const choice of choices) {
    const found = tryChoice(choice, surroundings)
    if (found !== undefined) return found
  }
  if (choices.length === 0) {
    const found = surroundings.candidates.find(({ index }) => index === surroundings.defaultIndex)
    if (found !== undefined) return describe(found, [], BY_DEFAULT_ROUTE)
  }
  throw notFound(choices, surroundings.candidates)
}

/**
 * Chooses as if what an earlier run chose came first in every list: it is taken if it fits as well as any other. What an
 * operator chose then and does not choose now is nothing to come back to.
 */
function chooseAgain(
  previous: ChosenInterface,
  choices: readonly InterfaceChoice[],
  { candidates, defaultIndex, routes }: Surroundings,
): ExternalInterface | undefined {
  const found = findPrevious(previous, candidates)
  if (found === undefined) return undefined
  const { reason = BY_DEFAULT_ROUTE } = previous
  const { candidate, addresses } = found
  const others = candidate.addresses.filter((address) => !addresses.includes(address))
  const first = { ...candidate, addresses: [...addresses, ...others] }
  const chosen = choose(choices, {
    candidates: [first, ...candidates.filter((other) => other !== candidate)],
    defaultIndex: choices.length === 0 ? candidate.index : defaultIndex,
    // The kernel may prefer another source by now, as for a route that a VIP has brought.
    routes: new Map(
      [...routes].map(([to, route]) => [to, reason === byRouteTo(to) ? { index: route.index } : route]),
    ),
  })
  return reason === BY_DEFAULT_ROUTE || reason === chosen.reason ? chosen : undefined
}

/**
 * The interface that is up and bears the addresses of an earlier run, or as many of them as any, and which of them.
 * Others may have its name by now, and its addresses another interface, such as a bridge that it was put into.
 */
function findPrevious(
  { name, ipv4, ipv6 }: ChosenInterface,
  candidates: readonly Candidate[],
): { readonly candidate: Candidate; readonly addresses: readonly string[] } | undefined {
  const former = [ipv4, ipv6].filter((address) => address !== undefined)
  const fitting = candidates
    .filter((other) => other.isUp && (!other.isLoopback || other.name === name))
    .map((candidate) => ({
      candidate,
      addresses: former.filter((address) => candidate.borne.includes(address)),
    }))
    .filter(
      ({ candidate, addresses }) =>
        addresses.length > 0 && hasFamilies([...addresses, ...candidate.addresses], former),
    )
  const rank = ({ candidate, addresses }: (typeof fitting)[number]): number =>
    2 * addresses.length + Number(candidate.name === name)
  return fitting.toSorted((a, b) => rank(b) - rank(a))[0]
}

/** Whether `addresses` has one of each family of which `wanted` has one. */
const hasFamilies = (addresses: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((one) => addresses.some((other) => familyOf(other) === familyOf(one)))

/**
 * The interface in force, while it is up and bears its addresses. If one of them goes, the node still stays on the
 * interface, by another address of it; unless an operator said how to choose, which then counts again.
 */
function keep(
  { name, ipv4, ipv6, reason }: ExternalInterface,
  choices: readonly InterfaceChoice[],
  candidates: readonly Candidate[],
): ExternalInterface | undefined {
  const candidate = candidates.find((other) => other.name === name)
  if (candidate === undefined || !candidate.isUp) return undefined
  const addresses = [ipv4, ipv6].filter((address) => address !== undefined)
  const borne = addresses.filter((address) => candidate.borne.includes(address))
  const found = describe(candidate, borne, reason ?? 'it is in force')
  if (borne.length === addresses.length) return found
  return choices.length === 0 && hasFamilies([...borne, ...candidate.addresses], addresses)
    ? found
    : undefined
}

function tryChoice(choice: InterfaceChoice, surroundings: Surroundings): ExternalInterface | undefined {
  const { candidates, routes } = surroundings
  if (choice instanceof RegExp) return matchPattern(choice, candidates)
  if (typeof choice === 'object') {
    const route = routes.get(choice.canReach)
    const found = candidates.find(({ index }) => index === route?.index)
    const preferred = route?.source === undefined ? [] : [route.source]
    return found && describe(found, preferred, byRouteTo(choice.canReach))
  }
  if (parseAddress(choice) === undefined) {
    const found = findNamed(choice, candidates)
    return found && describe(found, [], byName(found.name))
  }
  const address = canonicalAddress(choice)
  const found = candidates.find(({ addresses }) => addresses.includes(address))
  return found && describe(found, [address], byAddress(address))
}

/**
 * A name may be bytes that are not UTF-8: each stands as `\xff` in it. Node.js makes replacement characters of
 * them in a command's arguments; such a name fits if it fits one interface alone.
 */
function findNamed(choice: string, candidates: readonly Candidate[]): Candidate | undefined {
  const found = candidates.find(({ name }) => name === choice)
  if (found !== undefined || !choice.includes('\ufffd')) return found
  const lossy = choice.replace(/\ufffd+/g, '\ufffd')
  const [only, ...others] = candidates.filter(
    ({ name }) => name.replace(/(?:\\x[0-9a-f]{2})+/g, '\ufffd') === lossy,
  )
  return others.length === 0 ? only : undefined
}

/**
 * A pattern such as `(a|b)*c` can take years on an address of 39 characters, and the process would do nothing else. In ms;
 * a sensible one takes less than one.
 */
const PATTERN_LIMIT_MS = 2_000

function matchPattern(pattern: RegExp, candidates: readonly Candidate[]): ExternalInterface | undefined {
  const found = withTimeLimit(PATTERN_LIMIT_MS, () => findByPattern(pattern, candidates))
  if (found !== TIMED_OUT) return found
  throw new OverlayError(
    'INTERFACE_NOT_FOUND',
    `matching the pattern ${pattern} with the addresses and names of interfaces was ended after ${PATTERN_LIMIT_MS / 1000} s: ` +
      'what it repeats, as in (a+)+, can be divided in too many ways. Write it so that one way is left',
  )
}

function findByPattern(pattern: RegExp, candidates: readonly Candidate[]): ExternalInterface | undefined {
  // A global or sticky pattern keeps its position between calls.
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  const matches = (text: string): boolean => stateless.test(text)
  for (const candidate of candidates) {
    const address = candidate.addresses.find(matches)
    if (address !== undefined)
      return describe(candidate, [address], `its address ${address} matches ${pattern}`)
  }
  const named = candidates.find(({ name }) => matches(name))
  return named && describe(named, [], `its name matches ${pattern}`)
}

/** @param preferred addresses that take precedence over the first of their family */
function describe(
  { name, macAddress, mtu, addresses, onLink }: Candidate,
  preferred: readonly string[],
  reason: string,
): ExternalInterface {
  const pick = (family: 4 | 6): string | undefined =>
    preferred.find((address) => familyOf(address) === family) ??
    addresses.find((address) => familyOf(address) === family)
  const ipv4 = pick(4)
  const ipv6 = pick(6)
  return {
    name,
    ...(macAddress === undefined ? {} : { macAddress }),
    mtu,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    onLink,
    reason,
  }
}

function notFound(choices: readonly InterfaceChoice[], candidates: readonly Candidate[]): OverlayError {
  const problem =
    choices.length === 0
      ? 'there is no default route'
      : `no interface fits ${choices.map(describeChoice).join(', nor ')}`
  const there = candidates
    .filter(({ isLoopback }) => !isLoopback)
    .map(({ name, addresses, isUp }) => `${printable(name)}${isUp ? '' : ' (down)'} [${addresses.join(' ')}]`)
  const example = candidates.find(({ isLoopback, isUp }) => isUp && !isLoopback)?.name ?? 'eth0'
  return new OverlayError(
    'INTERFACE_NOT_FOUND',
    `${problem}. Interfaces: ${there.join(', ') || 'none but loopback'}. Name one, or one of its addresses: ` +
      `linux({ interface: '${printable(example)}' }), or --iface=${printable(example)} of the agent`,
  )
}

function describeChoice(choice: InterfaceChoice): string {
  if (choice instanceof RegExp) return `the pattern ${choice}`
  if (typeof choice === 'object') return `the route to ${choice.canReach}`
  return `'${printable(choice)}'`
}
