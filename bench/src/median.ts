/** The middle one; the lower of two. */
export const median = (values: readonly number[]): number => percentile(values, 0.5)

/** The smallest value that at least this share of all, from 0 to 1, do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
