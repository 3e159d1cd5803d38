import type { MessageReader, MessageWriter } from '../netlink/index.js'
import { AF_INET, AF_INET6, RTM_GETRULE } from './constants.js'

/**
 * `struct fib_rule_hdr`: family, destination and source length, TOS, table, two reserved, action, flags.
 * include/uapi/linux/fib_rules.h, as all numbers of this file.
 */
const RULE_HEADER_LENGTH = 12

const FRA_DST = 1
const FRA_IIFNAME = 3
const FRA_PRIORITY = 6
const FRA_FWMARK = 10
const FRA_TABLE = 15
const FRA_FWMASK = 16

/** What the packet of a look-up does not have. It does have a user, this process's. */
const OTHER_SELECTORS: readonly number[] = [
  2, // FRA_SRC
  12, // FRA_TUN_ID
  17, // FRA_OIFNAME
  19, // FRA_L3MDEV
  22, // FRA_IP_PROTO
  23, // FRA_SPORT_RANGE
  24, // FRA_DPORT_RANGE
  25, // FRA_DSCP
]

/** The rule counts for packets that do *not* match its selectors. */
const FIB_RULE_INVERT = 2

/** A policy rule, as far as it can decide on a packet of which the destination alone is known. */
export interface RuleMessage {
  /** AF_INET or AF_INET6 */
  readonly family: number
  readonly priority: number
  /** `base/length`: it counts for these destinations, or, if it is inverted, for all others. Undefined if it names none. */
  readonly destination: string | undefined
  /** The table that it names; 0 if none. */
  readonly table: number
  /** False if it counts only for some packets to a destination, such as those with a mark or from one source. */
  readonly isByDestination: boolean
}

/** RTM_GETRULE with NLM_F_DUMP. */
export function writeGetRules(writer: MessageWriter, flags: number, sequence: number, family: number): void {
  writer.begin(RTM_GETRULE, flags, sequence)
  writer.u32(family)
  writer.u32(0)
  writer.u32(0)
  writer.end()
}

/** Reads RTM_NEWRULE or RTM_DELRULE; undefined for a family that is neither IPv4 nor IPv6, such as multicast's. */
export function readRule(message: MessageReader): RuleMessage | undefined {
  const attributes = message.attributesAfter(RULE_HEADER_LENGTH)
  const { buffer, start } = message
  const family = buffer.readUInt8(start)
  if (family !== AF_INET && family !== AF_INET6) return undefined
  let base: string | undefined
  let priority = 0
  let table = buffer.readUInt8(start + 4)
  let mark: number | undefined
  let mask: number | undefined
  // The type of service.
  let hasOther = buffer.readUInt8(start + 3) !== 0
  while (attributes.next()) {
    const { type } = attributes
    if (type === FRA_DST) base = attributes.address()
    else if (type === FRA_PRIORITY) priority = attributes.u32()
    else if (type === FRA_TABLE) table = attributes.u32()
    else if (type === FRA_FWMARK) mark = attributes.u32()
    else if (type === FRA_FWMASK) mask = attributes.u32()
    // What this host sends itself comes in by its loopback interface.
    else if (type === FRA_IIFNAME) hasOther ||= attributes.text() !== 'lo'
    else if (OTHER_SELECTORS.includes(type)) hasOther = true
  }
  // A packet without a mark matches a mark of 0, as in a rule for the bits that a mask names.
  if (mark !== undefined && mask !== 0 && mark !== 0) hasOther = true
  const isInverted = (buffer.readUInt32LE(start + 8) & FIB_RULE_INVERT) !== 0
  return {
    family,
    priority,
    destination: base && `${base}/${buffer.readUInt8(start + 1)}`,
    table,
    isByDestination: isInverted || !hasOther,
  }
}
