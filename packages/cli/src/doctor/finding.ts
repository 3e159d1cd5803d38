import type { Facts } from './facts/facts.js'

export const CATEGORIES = [
  'host',
  'firewall',
  'identity',
  'store',
  'agent',
  'kernel',
  'path',
  'pods',
] as const

export type Category = (typeof CATEGORIES)[number]

/** `fatal`: packets are lost, or pods cannot start. `warning`: they will be, or something else suffers. */
export type Severity = 'fatal' | 'warning'

/** What is wrong, and what mends it. */
export interface Finding {
  /** That of its check, which is its anchor in docs/doctor.md of the repository. */
  readonly id: string
  readonly severity: Severity
  /** A sentence with the names and values that were found. */
  readonly what: string
  /** A command, or what to do. */
  readonly remedy: string
}

/** Looks for one cause. */
export interface Check {
  /** `category.cause`. */
  readonly id: `${Category}.${string}`
  /** What it looks for, as in docs/doctor.md. */
  readonly title: string
  /** Whether it can be asked before anything is installed. */
  readonly pre?: boolean
  readonly find: (facts: Facts) => readonly Omit<Finding, 'id'>[]
}

export const categoryOf = (id: string): Category =>
  CATEGORIES.find((category) => id.startsWith(`${category}.`)) ?? 'host'

export const fatal = (what: string, remedy: string): Omit<Finding, 'id'> => ({
  severity: 'fatal',
  what,
  remedy,
})

export const warning = (what: string, remedy: string): Omit<Finding, 'id'> => ({
  severity: 'warning',
  what,
  remedy,
})
