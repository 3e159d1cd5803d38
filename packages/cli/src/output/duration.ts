const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const

/** Two units of it: `23h 59m`, `4s`. */
export function duration(ms: number): string {
  let rest = Math.max(0, Math.round(ms / 1000))
  const parts: string[] = []
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    if (count > 0 || parts.length > 0) parts.push(`${count}${unit}`)
  }
  return parts.length === 0 ? '0s' : parts.slice(0, 2).join(' ').replace(/ 0\w$/, '')
}
